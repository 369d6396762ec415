// Command steamcmd-standin stands in for steamcmd in tests and the demonstration.
//
//	steamcmd-standin --world FILE [--home DIR] +login anonymous +app_update 222860 …
//
// It is called through a script that adds the first options, so that it can be configured like the real one.
package main

import (
	"flag"
	"os"
	"strings"

	"github.com/left4me/left4me/plugins/game-steamcmd/internal/standin"
)

func main() {
	flags := flag.NewFlagSet("steamcmd-standin", flag.ExitOnError)
	world := flags.String("world", "", "JSON `file` that describes what Steam has")
	home := flags.String("home", os.Getenv("HOME"), "`directory` that it remembers things in")
	rest := os.Args[1:]
	at := 0
	for at < len(rest) && !strings.HasPrefix(rest[at], "+") {
		at++
	}
	_ = flags.Parse(rest[:at]) // ends the process on an error
	os.Exit(standin.Run(*world, *home, rest[at:], os.Stdout))
}
