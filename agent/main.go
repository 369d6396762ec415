// Command left4me is the agent of a host and the command line for it.
package main

import (
	"context"
	"os"

	"github.com/left4me/left4me/agent/internal/cli"
	"github.com/left4me/left4me/agent/internal/daemon"
	"github.com/left4me/left4me/agent/internal/demo"
	"github.com/left4me/left4me/agent/internal/process"
	"github.com/left4me/left4me/agent/internal/systemd"
	"github.com/left4me/left4me/agent/internal/version"
)

func main() {
	// The process supervisor runs each game below a small copy of this program that outlives the agent.
	if code, handled := process.ShimMain(os.Args); handled {
		os.Exit(code)
	}
	// The units of the systemd supervisor start their game with this program, which then becomes the game.
	if code, handled := systemd.ExecMain(os.Args); handled {
		os.Exit(code)
	}
	os.Exit(cli.Main(context.Background(), cli.Program{
		Args:       os.Args[1:],
		Stdin:      os.Stdin,
		Stdout:     os.Stdout,
		Stderr:     os.Stderr,
		Version:    version.Version,
		Agent:      daemon.Run,
		Demo:       demo.Run,
		DemoInside: demo.Inside,
	}))
}
