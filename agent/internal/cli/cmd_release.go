package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

func (a *app) releaseCommand() *cobra.Command {
	return a.group("release", "Install versions of the game and take them to the servers",
		a.releaseListCommand(), a.releaseStatusCommand(), a.releaseCheckCommand(), a.releaseUpdateCommand(), a.rolloutCommand(),
		a.rollbackCommand(), a.releaseUseCommand(), a.releasePinCommand(), a.releaseUnpinCommand(), a.releaseRemoveCommand())
}

func completeRelease(a *app) cobra.CompletionFunc {
	return completeName(a, (*client.Client).Releases, func(r api.Release) string { return r.ID })
}

func (a *app) releaseListCommand() *cobra.Command {
	return a.build(command{
		use: "list", short: "List installed versions",
		run: func(ctx context.Context, _ []string) error {
			return listed(ctx, a, (*client.Client).Releases, "The game is not installed. Install it with: left4me release update",
				[]string{"RELEASE", "VERSION", "BUILD", "PRESENT", "INSTALLED", "SIZE", "SHARED", "FILES", "USED BY", "PINNED BY"},
				func(r api.Release) []string {
					return []string{r.ID, r.Version, r.Build, presence(r), moment(r.CreatedAt), size(r.Bytes), size(r.SharedBytes), number(r.Files),
						strings.Join(r.UsedBy, ", "), strings.Join(r.PinnedBy, ", ")}
				})
		},
	})
}

func presence(r api.Release) string {
	if r.Held {
		return "held"
	}
	return yes(r.Current)
}

func (a *app) releaseStatusCommand() *cobra.Command {
	return a.build(command{
		use: "status", short: "Show where the game comes from and whether an update is there",
		run: func(ctx context.Context, _ []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			game, err := agent.Installation(ctx)
			if err != nil {
				return err
			}
			return a.show(game, func(w io.Writer) {
				pairs(w, "Source", strings.TrimSpace(game.Source+" "+game.Plugin), "Updates", game.Update, "Outdated", yes(game.Outdated),
					"Newest build", game.Newest, "Asked", maybe(game.CheckedAt), "Problem", game.Problem,
					"Hint", strings.TrimSpace(game.HintedBy+" "+maybe(game.HintedAt)))
				for _, note := range game.Notes {
					fmt.Fprintln(w, printable("note: "+note))
				}
			})
		},
	})
}

// releaseJob makes a command that starts a job and waits for it.
func (a *app) releaseJob(c command, begin func(ctx context.Context, agent *client.Client, args []string) (api.Job, error)) *cobra.Command {
	var quiet bool
	c.run = func(ctx context.Context, args []string) error {
		agent, err := a.agent()
		if err != nil {
			return err
		}
		job, err := begin(ctx, agent, args)
		if err != nil {
			return err
		}
		return a.finish(ctx, agent, job, !quiet)
	}
	made := a.build(c)
	made.Flags().BoolVar(&quiet, "quiet", false, "do not show the log")
	a.waitFlag(made.Flags())
	return made
}

func (a *app) releaseCheckCommand() *cobra.Command {
	return a.releaseJob(command{use: "check", short: "Ask the source whether something is new"},
		func(ctx context.Context, agent *client.Client, _ []string) (api.Job, error) {
			return agent.CheckInstallation(ctx)
		})
}

func (a *app) releaseUpdateCommand() *cobra.Command {
	var in api.ReleaseInstall
	made := a.releaseJob(command{
		use: "update", short: "Install what the source has, as a new release",
		long: "Install a new release beside the present one. What did not change is shared. Running servers keep the one they have and take the\n" +
			"new one up at their next start, or with --rollout one after another when nobody plays on them.",
	}, func(ctx context.Context, agent *client.Client, _ []string) (api.Job, error) {
		return agent.InstallRelease(ctx, in)
	})
	made.Aliases = []string{"install"}
	made.Flags().BoolVar(&in.Rollout, "rollout", false, "take it to the running servers afterwards")
	made.Flags().BoolVar(&in.Verify, "verify", false, "have every file checked and mended, also when nothing is new")
	return made
}

func (a *app) rolloutCommand() *cobra.Command {
	var in api.Rollout
	var within time.Duration
	made := a.releaseJob(command{
		use: "rollout [SERVER]...", short: "Restart running servers that have another release than they should", args: cobra.ArbitraryArgs,
		long: "Restart running servers one after another, each when nobody plays on it. Players are told. The first server that does not come up\n" +
			"ends the rollout, and the others keep what they have.",
	}, func(ctx context.Context, agent *client.Client, args []string) (api.Job, error) {
		in.Servers, in.WithinSeconds = args, int(within/time.Second)
		return agent.RollOut(ctx, in)
	})
	made.Flags().DurationVar(&within, "within", 0, "restart servers with players too after this time, for example 2h; -1s waits for ever; default: as configured")
	return made
}

func (a *app) rollbackCommand() *cobra.Command {
	var rollout bool
	var release string
	made := a.build(command{
		use: "rollback", short: "Go back to the release before, and stay there",
		long: "Make the release before the present one, or the one named with --to, what new starts use, and hold it: updates are still installed, but do\n" +
			"not take its place until \"left4me release unpin\".",
		run: func(ctx context.Context, _ []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			if err := a.choose(ctx, agent, api.ReleaseChoice{Release: release, Previous: release == "", Hold: true}); err != nil || !rollout {
				return err
			}
			job, err := agent.RollOut(ctx, api.Rollout{})
			if err != nil {
				return err
			}
			return a.finish(ctx, agent, job, true)
		},
	})
	made.Flags().StringVar(&release, "to", "", "go to this release instead")
	made.Flags().BoolVar(&rollout, "rollout", false, "take it to the running servers afterwards")
	a.waitFlag(made.Flags())
	return made
}

func (a *app) releaseUseCommand() *cobra.Command {
	return a.build(command{
		use: "use RELEASE", short: "Choose the release that new starts use", args: exactly("RELEASE"), complete: completeRelease(a),
		long: "Make a release what new starts use, until an update takes its place. Running servers keep theirs until they restart.",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			return a.choose(ctx, agent, api.ReleaseChoice{Release: args[0]})
		},
	})
}

func (a *app) choose(ctx context.Context, agent *client.Client, in api.ReleaseChoice) error {
	chosen, err := agent.ChooseRelease(ctx, in)
	if err != nil {
		return err
	}
	return a.show(chosen, func(w io.Writer) {
		pairs(w, "Release", chosen.ID, "Version", chosen.Version, "Build", chosen.Build, "Held", yes(chosen.Held))
	})
}

func (a *app) releasePinCommand() *cobra.Command {
	var name string
	made := a.build(command{
		use: "pin RELEASE", short: "Let this host, or one server, stay at a release", args: exactly("RELEASE"), complete: completeRelease(a),
		long: "Let all servers, or with --server one, stay at a release whatever is installed. It takes effect at their next start.",
		run:  func(ctx context.Context, args []string) error { return a.pin(ctx, name, args[0]) },
	})
	made.Flags().StringVar(&name, "server", "", "only this server")
	return made
}

func (a *app) releaseUnpinCommand() *cobra.Command {
	var name string
	made := a.build(command{
		use: "unpin", short: "Let updates take effect again on this host, or on one server",
		run: func(ctx context.Context, _ []string) error { return a.pin(ctx, name, "") },
	})
	made.Flags().StringVar(&name, "server", "", "only this server")
	return made
}

// pin holds a release on the host, or on the server with name; release "" ends that.
func (a *app) pin(ctx context.Context, name, release string) error {
	agent, err := a.agent()
	if err != nil {
		return err
	}
	if name == "" {
		return a.choose(ctx, agent, api.ReleaseChoice{Release: release, Hold: release != ""})
	}
	server, err := agent.PinServer(ctx, name, api.ServerRelease{Release: release})
	if err != nil {
		return err
	}
	return a.show(server, func(w io.Writer) { pairs(w, "Server", server.Name, "Stays at", server.Release) })
}

func (a *app) releaseRemoveCommand() *cobra.Command {
	return a.releaseJob(command{use: "remove RELEASE", short: "Remove a release that nothing uses", args: exactly("RELEASE"), complete: completeRelease(a)},
		func(ctx context.Context, agent *client.Client, args []string) (api.Job, error) {
			return agent.RemoveRelease(ctx, args[0])
		})
}
