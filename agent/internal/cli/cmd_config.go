package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/agent/internal/config"
)

func (a *app) configCommand() *cobra.Command {
	return a.group("config", "Check and show the agent's configuration", a.configCheck(), a.configShow(), a.configExample())
}

func (a *app) configCheck() *cobra.Command {
	textOnly := false
	out := a.build(command{
		use:   "check [FILE]",
		short: "Check a configuration file",
		long: `Check a configuration file (` + configFile + ` by default): its text, and whether the programs, files and
accounts that it names are on this host. All problems are shown, not only the first.`,
		example: "  left4me config check ./agent.hcl",
		args:    upTo(1),
		run: func(_ context.Context, args []string) error {
			path := fileArgument(args)
			cfg, err := config.Load(path)
			if err == nil && !textOnly {
				err = cfg.CheckHost()
			}
			if err != nil {
				return a.problems(path, err)
			}
			return a.show([]config.Problem{}, func(w io.Writer) { fmt.Fprintf(w, "%s is fine.\n", path) })
		},
	})
	out.Flags().BoolVar(&textOnly, "text-only", false, "do not look at this host")
	return out
}

func (a *app) configShow() *cobra.Command {
	return a.build(command{
		use:     "show [FILE]",
		short:   "Show a configuration with all defaults, without secrets",
		example: "  left4me config show ./agent.hcl",
		args:    upTo(1),
		run: func(_ context.Context, args []string) error {
			path := fileArgument(args)
			cfg, err := config.Load(path)
			if err != nil {
				return a.problems(path, err)
			}
			data, err := json.MarshalIndent(cfg.Redacted(), "", "  ")
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.Stdout, "%s\n", data)
			return err
		},
	})
}

func (a *app) configExample() *cobra.Command {
	return a.build(command{
		use:     "example",
		short:   "Print a configuration file that explains every key",
		example: "  left4me config example > agent.hcl",
		run: func(context.Context, []string) error {
			_, err := a.Stdout.Write(config.Example())
			return err
		},
	})
}

func fileArgument(args []string) string {
	if len(args) == 0 {
		return configFile
	}
	return args[0]
}

// problems prints each problem of a configuration and returns the error that counts them. One alone is
// the error itself.
func (a *app) problems(path string, err error) error {
	found := config.Of(err)
	if len(found) == 1 && a.format != "json" {
		return &client.Error{Code: client.CodeInvalid, Message: config.Problem{File: found[0].File, Line: found[0].Line, Message: found[0].Message}.String(),
			Hint: found[0].Hint, Source: "client"}
	}
	if a.format == "json" {
		if err := a.show(found, nil); err != nil {
			return err
		}
	} else {
		for _, problem := range found {
			fmt.Fprintln(a.Stderr, printable(problem.String()))
		}
	}
	return wrong("The configuration %s has %s.", path, counted(len(found), "problem")).hint("Mend them and check again: left4me config check %s", path)
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
