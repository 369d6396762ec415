package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

// give makes the command that makes something belong to somebody else. The agent knows no accounts, so any name of that
// form is taken.
func give[T any](a *app, kind string, complete cobra.CompletionFunc, do func(*client.Client, context.Context, string, api.OwnerChange) (T, error), show func(T, error) error) *cobra.Command {
	var nobody bool
	var out *cobra.Command
	out = a.build(command{
		use: "give NAME [PERSON]", short: "Make " + kind + " belong to somebody else", args: upTo(2, "NAME"), complete: complete,
		long: "Make " + kind + " belong to somebody else, who then may do everything with it. PERSON is the name of an account of the\n" +
			"panel, exactly as it stands there; with --nobody only administrators may do something with it.",
		run: func(ctx context.Context, args []string) error {
			if nobody == (len(args) == 2) {
				return usageError(out, "Name one person, or nobody with --nobody.")
			}
			agent, err := a.agent()
			if err != nil {
				return err
			}
			in := api.OwnerChange{}
			if !nobody {
				in.Owner = args[1]
			}
			return show(do(agent, ctx, args[0], in))
		},
	})
	out.Flags().BoolVar(&nobody, "nobody", false, "it belongs to nobody then")
	return out
}
