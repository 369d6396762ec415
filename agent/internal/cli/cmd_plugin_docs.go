package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/internal/plugindev"
)

func (a *app) pluginDocs() *cobra.Command {
	var env []string
	out := a.build(command{
		use: "docs BINARY [ARGUMENT...]", short: "Print a page about a plugin and its settings", args: atLeast("BINARY"),
		long: `Let a plugin describe itself, and print a page in Markdown about it and all of its settings: type, default, bounds, meaning and an
example of each, those of the operator's block and those of an overlay. What is missing there is missing in the plugin's schemas.`,
		example: "  left4me plugin docs ./overlay-motd >overlay-motd.md",
		run: func(ctx context.Context, args []string) error {
			d, err := plugindev.Program{Command: args, Env: env}.Describe(ctx)
			if err != nil {
				return err
			}
			page, err := plugindev.Reference(d)
			if err != nil {
				return err
			}
			return a.show(map[string]string{"name": d.Name, "page": page}, func(w io.Writer) { _, _ = io.WriteString(w, page) })
		},
	})
	out.Flags().StringArrayVar(&env, "env", nil, "NAME=VALUE for the plugin's otherwise clean environment")
	return out
}
