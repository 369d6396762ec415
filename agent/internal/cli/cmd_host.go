package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/client"
)

func (a *app) hostCommand() *cobra.Command {
	return a.build(command{
		use:   "host",
		short: "Show the agent and its machine",
		run: func(ctx context.Context, _ []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			host, err := agent.Host(ctx)
			if err != nil {
				return err
			}
			return a.show(host, func(w io.Writer) {
				pairs(w, "Name", host.Name, "Version", host.Version, "Supervisor", host.Supervisor, "Started", moment(host.StartedAt))
				for _, notice := range host.Notices {
					fmt.Fprintln(w, printable("note: "+notice))
				}
			})
		},
	})
}

func (a *app) versionCommand() *cobra.Command {
	return a.build(command{
		use:   "version",
		short: "Print the version of this program",
		run: func(context.Context, []string) error {
			return a.show(map[string]string{"version": a.Version}, func(w io.Writer) { fmt.Fprintln(w, "left4me "+a.Version) })
		},
	})
}

// listed shows what a call without parameters lists.
func listed[T any](ctx context.Context, a *app, list func(*client.Client, context.Context) ([]T, error), none string, heading []string, row func(T) []string) error {
	agent, err := a.agent()
	if err != nil {
		return err
	}
	found, err := list(agent, ctx)
	if err != nil {
		return err
	}
	return a.show(found, func(w io.Writer) { rows(w, none, heading, table(found, row)) })
}
