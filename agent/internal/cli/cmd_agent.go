package cli

import (
	"context"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/internal/config"
	"github.com/left4me/left4me/agent/internal/demo"
)

// configFile is where a packaged agent has its configuration.
const configFile = "/etc/left4me/agent.hcl"

func (a *app) agentCommand() *cobra.Command {
	path := configFile
	out := a.build(command{
		use:   "agent",
		short: "Run the agent of this host",
		long: `Run the agent: it keeps overlays, blueprints and servers, runs jobs and plugins, and serves the API
until it gets SIGTERM or SIGINT. Its log goes to standard error.`,
		example: "  left4me agent --config ./agent.hcl",
		run:     func(ctx context.Context, _ []string) error { return a.runAgent(ctx, path) },
	})
	out.Flags().StringVar(&path, "config", path, "the configuration file")
	return out
}

func (a *app) runAgent(ctx context.Context, path string) error {
	cfg, err := config.Load(path)
	if err != nil {
		return a.problems(path, err)
	}
	return a.Agent(ctx, cfg, newLog(a.Stderr, cfg.Log))
}

// newLog returns a logger as the configuration wants it. Its level was validated with the configuration.
func newLog(w io.Writer, cfg config.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.Level))
	options := &slog.HandlerOptions{Level: level}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

func (a *app) demoCommand() *cobra.Command {
	var options demo.Options
	var inside bool
	out := a.build(command{
		use:   "demo",
		short: "Run everything on this machine to look at it",
		long: `Run an agent with its plugins, the panel and a simulated game on loopback, with all state in one
directory. Ctrl-C ends it and leaves no mount, process or socket.`,
		example: "  left4me demo --state ./.left4me --bin ./bin --seed examples/script-overlays",
		signals: true,
		run: func(ctx context.Context, _ []string) error {
			if inside {
				return a.DemoInside(ctx, options, a.Stdout, a.Stderr)
			}
			return a.Demo(ctx, options, a.Stdout, a.Stderr)
		},
	})
	flags := out.Flags()
	flags.StringVar(&options.State, "state", ".left4me", "directory for everything that stays")
	flags.StringVar(&options.Bin, "bin", "bin", "directory of the programs")
	flags.StringVar(&options.Seed, "seed", "", "directory of script overlays to make at the start")
	flags.StringVar(&options.Panel, "panel", "127.0.0.1:27080", "address of the panel")
	flags.BoolVar(&inside, "inside", false, "the inner half")
	_ = flags.MarkHidden("inside")
	return out
}
