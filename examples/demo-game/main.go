// Command demo-game is a simulated Left 4 Dead 2 dedicated server for demonstrations and tests: it installs
// a directory that looks like the game's, and is itself the server binary in it. See README.md.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/left4me/left4me/examples/demo-game/internal/install"
	"github.com/left4me/left4me/examples/demo-game/internal/srcds"
)

const usage = `usage: demo-game install DIR    write a game installation to DIR
       demo-game srcds [options]  run the server in the current directory

Installed as srcds_linux it is the server; start it with srcds_run, like the real one.
`

func main() { os.Exit(run(os.Args, os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	if strings.HasPrefix(filepath.Base(args[0]), "srcds_linux") {
		return srcds.Main(args[1:], os.Stdin, stdout)
	}
	switch {
	case len(args) == 3 && args[1] == "install":
		if err := install.Write(args[2]); err != nil {
			_, _ = fmt.Fprintf(stderr, "demo-game: cannot install the game: %v\n", err)
			return 1
		}
		return 0
	case len(args) >= 2 && args[1] == "srcds":
		return srcds.Main(args[2:], os.Stdin, stdout)
	}
	_, _ = fmt.Fprint(stderr, usage)
	return 2
}
