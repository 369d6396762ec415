package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

func (a *app) releaseCommand() *cobra.Command {
	var quiet bool
	install := a.build(command{
		use: "install", short: "Install the game's present version from the configured source",
		long: "Install a new release. Running servers keep the one they have and take the new one up at their next start.",
		run: func(ctx context.Context, _ []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			job, err := agent.InstallRelease(ctx)
			if err != nil {
				return err
			}
			return a.finish(ctx, agent, job, !quiet)
		},
	})
	install.Flags().BoolVar(&quiet, "quiet", false, "do not show the log")
	a.waitFlag(install.Flags())
	return a.group("release", "Install versions of the game", install,
		a.build(command{
			use: "list", short: "List installed versions",
			run: func(ctx context.Context, _ []string) error {
				return listed(ctx, a, (*client.Client).Releases, "The game is not installed. Install it with: left4me release install",
					[]string{"RELEASE", "VERSION", "PRESENT", "INSTALLED", "SIZE", "FILES", "USED BY"},
					func(r api.Release) []string {
						return []string{r.ID, r.Version, yes(r.Current), moment(r.CreatedAt), size(r.Bytes), number(r.Files), strings.Join(r.UsedBy, ", ")}
					})
			},
		}))
}
