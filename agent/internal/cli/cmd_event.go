package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

func (a *app) eventCommand() *cobra.Command {
	return a.group("event", "Look at what happened", a.eventList(), a.eventFollow())
}

func (a *app) eventList() *cobra.Command {
	var filter client.EventFilter
	out := a.build(command{
		use: "list", short: "List recorded facts, oldest first",
		run: func(ctx context.Context, _ []string) error {
			list := func(agent *client.Client, ctx context.Context) ([]api.Event, error) { return agent.Events(ctx, filter) }
			return listed(ctx, a, list, "Nothing was recorded.", []string{"ID", "TIME", "KIND", "SUBJECT", "BY", "MESSAGE"},
				func(e api.Event) []string {
					return []string{fmt.Sprint(e.ID), moment(e.Time), e.Kind, e.Subject, e.Actor, e.Message}
				})
		},
	})
	flags := out.Flags()
	flags.StringVar(&filter.Subject, "subject", "", "only about this, for example server/alpha")
	flags.Int64Var(&filter.After, "after", 0, "only what came after the event with this id")
	flags.IntVar(&filter.Limit, "limit", 100, "at most this many, up to 1000")
	return out
}

func (a *app) eventFollow() *cobra.Command {
	after := int64(-1)
	out := a.build(command{
		use: "follow", short: "Show facts as they are recorded, until Ctrl-C",
		long: "Show facts as they are recorded. With --format json each is one JSON object on a line.",
		run: func(ctx context.Context, _ []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			for item, err := range agent.FollowEvents(ctx, after) {
				if err != nil {
					return err
				}
				if item.Dropped > 0 {
					a.lost(item.Dropped, "events")
				}
				if e := item.Event; e != nil {
					if err := a.line(e, fmt.Sprintf("%s  %s  %s  %s", moment(e.Time), e.Kind, e.Subject, e.Message)); err != nil {
						return err
					}
				}
			}
			return ctx.Err()
		},
	})
	out.Flags().Int64Var(&after, "after", after, "begin after the event with this id; -1 = with what comes")
	return out
}
