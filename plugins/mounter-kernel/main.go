// Command mounter-kernel is the left4me plugin that owns the content tree and mounts servers with the
// Linux kernel's overlayfs.
//
// It takes one option besides the subcommands of every plugin: --config FILE names settings that stand
// above those of the agent. Only root may be able to write the file.
package main

import (
	"fmt"
	"os"
)

func main() {
	file, rest, err := configFlag(os.Args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	os.Args = rest // what is left is for sdk.Serve
	if err := serve(file); err != nil {
		fmt.Fprintf(os.Stderr, "mounter-kernel cannot start: %v.\n", err)
		os.Exit(1)
	}
}
