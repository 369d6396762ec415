package pluginhost_test

import (
	"fmt"
	"os"
	"testing"
)

// The test binary is also every plugin that the tests start: "TESTBINARY as-plugin BEHAVIOR MARK". MARK
// finds the processes of a test.
const asPlugin = "as-plugin"

// mark is MARK in a plugin.
var mark string

func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == asPlugin {
		mark = os.Args[3]
		behave(os.Args[2])
		return
	}
	os.Exit(m.Run())
}

func behave(name string) {
	act, ok := behaviors()[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "no behavior %q\n", name)
		os.Exit(64)
	}
	os.Args = os.Args[:1] // what follows would be a command for sdk.Serve
	act()
}
