package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/api"
)

func (a *app) overlayRefresh() *cobra.Command {
	quiet := false
	out := a.build(command{
		use: "refresh", short: "Look for newer content of all overlays",
		long: `Build every overlay whose builder can look for newer content, as one job, and show its log. Overlays without
news get no new revision. The agent does the same once a day, see refresh_at in its configuration.`,
		run: func(ctx context.Context, _ []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			job, err := agent.RefreshOverlays(ctx)
			if err != nil {
				return err
			}
			return a.finish(ctx, agent, job, !quiet)
		},
	})
	out.Flags().BoolVar(&quiet, "quiet", false, "do not show the log")
	a.waitFlag(out.Flags())
	return out
}

func (a *app) overlayItems() *cobra.Command {
	return a.build(command{
		use: "items NAME", short: "List the items of an overlay, with their versions", args: exactly("NAME"), complete: a.completeOverlay(),
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			found, err := agent.Items(ctx, args[0])
			if err != nil {
				return err
			}
			return a.show(found, func(w io.Writer) {
				rows(w, "Its builder names no items.", []string{"ID", "TITLE", "SIZE", "VERSION", "UPDATED", "AUTHOR", "PROBLEM"},
					table(found, func(i api.Item) []string {
						bytes := ""
						if !i.Absent {
							bytes = size(uint64(max(i.Bytes, 0)))
						}
						return []string{i.ID, printable(i.Title), bytes, printable(i.Version), maybe(i.Updated), printable(i.Author), printable(i.Problem)}
					}))
			})
		},
	})
}

func (a *app) overlayCampaigns() *cobra.Command {
	return a.campaigns("List the campaigns in an overlay and what collides", a.completeOverlay(),
		func(ctx context.Context, agent agent, name string) (api.Addons, error) {
			return agent.OverlayCampaigns(ctx, name)
		})
}

func (a *app) blueprintCampaigns() *cobra.Command {
	return a.campaigns("List the campaigns of a blueprint's overlays and what collides", a.completeBlueprint(),
		func(ctx context.Context, agent agent, name string) (api.Addons, error) {
			return agent.BlueprintCampaigns(ctx, name)
		})
}

func (a *app) serverCampaigns() *cobra.Command {
	return a.campaigns("List the campaigns a server offers and what collides", a.completeServer(),
		func(ctx context.Context, agent agent, name string) (api.Addons, error) {
			return agent.ServerCampaigns(ctx, name)
		})
}

// agent is what the commands of this file call.
type agent interface {
	OverlayCampaigns(ctx context.Context, name string) (api.Addons, error)
	BlueprintCampaigns(ctx context.Context, name string) (api.Addons, error)
	ServerCampaigns(ctx context.Context, name string) (api.Addons, error)
}

func (a *app) campaigns(short string, complete cobra.CompletionFunc, look func(context.Context, agent, string) (api.Addons, error)) *cobra.Command {
	return a.build(command{
		use: "campaigns NAME", short: short, args: exactly("NAME"), complete: complete,
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			found, err := look(ctx, agent, args[0])
			if err != nil {
				return err
			}
			return a.show(found, func(w io.Writer) { writeAddons(w, found) })
		},
	})
}

func writeAddons(w io.Writer, found api.Addons) {
	for _, c := range found.Campaigns {
		fmt.Fprintf(w, "%s  (%s, overlay %s)\n", printable(c.Title), printable(c.File), c.Overlay)
		for _, mode := range c.Modes {
			fmt.Fprintf(w, "  %s\n", printable(mode.Name))
			for _, chapter := range mode.Chapters {
				fmt.Fprintf(w, "    %d. %s  %s\n", chapter.Number, printable(chapter.Map), printable(chapter.Title))
			}
		}
	}
	if len(found.Campaigns) == 0 {
		fmt.Fprintf(w, "There is no campaign in %d add-ons.\n", len(found.Packs))
	}
	writeConflicts(w, found)
	for _, pack := range found.Packs {
		if pack.Fault != "" {
			fmt.Fprintf(w, "broken: %s: %s\n", printable(pack.File), printable(pack.Fault))
		}
		for _, problem := range pack.Problems {
			fmt.Fprintf(w, "note: %s: %s\n", printable(pack.File), printable(problem))
		}
	}
}

func writeConflicts(w io.Writer, found api.Addons) {
	for _, conflict := range found.Conflicts {
		fmt.Fprintf(w, "conflict: %s %s: %s of overlay %s wins over", conflict.Kind, printable(conflict.Path), printable(conflict.Winner.File), conflict.Winner.Overlay)
		for i, loser := range conflict.Losers {
			if i > 0 {
				fmt.Fprint(w, ",")
			}
			fmt.Fprintf(w, " %s of %s", printable(loser.File), loser.Overlay)
		}
		fmt.Fprintln(w)
	}
	if more := found.ConflictCount - len(found.Conflicts); more > 0 {
		fmt.Fprintf(w, "and %d more conflicts\n", more)
	}
}
