package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

func (a *app) contentCommand() *cobra.Command {
	return a.group("content", "Find and remove content on disk that nobody needs", a.contentSweep(), a.contentOrphans(), a.contentRemove())
}

func (a *app) contentSweep() *cobra.Command {
	out := a.build(command{
		use: "sweep", short: "Remove old revisions and what ended jobs left",
		long: `Remove the revisions of all overlays that are old, not pinned and not used by a server, and what interrupted
jobs left. The agent does it every day by itself. Content that belongs to nothing is only found, see: left4me content orphans`,
		run: func(ctx context.Context, _ []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			job, err := agent.SweepContent(ctx)
			if err != nil {
				return err
			}
			return a.finish(ctx, agent, job, true)
		},
	})
	a.waitFlag(out.Flags())
	return out
}

func (a *app) contentOrphans() *cobra.Command {
	return a.build(command{
		use: "orphans", short: "Look for content that belongs to nothing",
		long: `Look for revisions, releases, servers and builds on disk that the agent's database does not know: left by an older
or restored database, or put there by somebody else. They are never removed by themselves.`,
		run: func(ctx context.Context, _ []string) error {
			return listed(ctx, a, (*client.Client).Orphans, "Everything on disk belongs to something.", []string{"CONTENT", "SIZE", "FILES"},
				func(o api.Orphan) []string { return []string{o.Content, size(o.Bytes), number(o.Files)} })
		},
	})
}

func (a *app) contentRemove() *cobra.Command {
	out := a.build(command{
		use: "remove CONTENT", short: "Remove content that belongs to nothing, for good", args: exactly("CONTENT"),
		complete: completeName(a, (*client.Client).Orphans, func(o api.Orphan) string { return o.Content }),
		example:  "  left4me content orphans\n  left4me content remove server/01kex0000000000000000000000",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			job, err := agent.RemoveOrphan(ctx, api.OrphanRemove{Content: args[0]})
			if err != nil {
				return err
			}
			return a.finish(ctx, agent, job, true)
		},
	})
	a.waitFlag(out.Flags())
	return out
}
