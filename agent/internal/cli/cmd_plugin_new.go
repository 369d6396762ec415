package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/internal/plugindev"
)

func (a *app) pluginNew() *cobra.Command {
	var options plugindev.NewOptions
	out := a.build(command{
		use: "new NAME", short: "Write a plugin to begin with", args: exactly("NAME"),
		long: `Write a small Go module that is a whole plugin: it builds, has tests, and passes every check of its kind.

The sdk is not published yet, so the module takes it from a checkout of left4me on this machine: the one this program lies in,
or the present directory, or --sdk.`,
		example: "  left4me plugin new overlay-motd\n  left4me plugin new mounter-zfs --kind mounter --module example.org/mounter-zfs --sdk ~/left4me/sdk",
		run: func(_ context.Context, args []string) error {
			options.Name = args[0]
			dir, files, err := plugindev.New(options)
			if err != nil {
				return err
			}
			return a.show(map[string]any{"directory": dir, "files": files}, func(w io.Writer) {
				for _, name := range files {
					fmt.Fprintln(w, filepath.Join(dir, name))
				}
				fmt.Fprintf(w, "Next: cd %s && go test ./... && go build -o %s . && left4me plugin verify ./%s\n", dir, options.Name, options.Name)
			})
		},
	})
	flags := out.Flags()
	flags.StringVar(&options.Kind, "kind", "builder", "builder or mounter")
	flags.StringVar(&options.Module, "module", "", "path of the Go module (default the name)")
	flags.StringVar(&options.Dir, "dir", "", "directory to write to (default the name)")
	flags.StringVar(&options.SDK, "sdk", "", "directory sdk of a checkout of left4me")
	_ = out.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(plugindev.Kinds(), cobra.ShellCompDirectiveNoFileComp))
	return out
}
