package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/agent/internal/fault"
)

func (a *app) scheduleCommand() *cobra.Command {
	return a.group("schedule", "Do things by themselves, at times or when something happens",
		a.scheduleList(), a.scheduleShow(), a.scheduleKinds(), a.scheduleCreate(), a.scheduleEdit(),
		a.scheduleSwitch("enable", "Switch a schedule on", true), a.scheduleSwitch("disable", "Switch a schedule off", false),
		a.scheduleRun(), a.scheduleDelete())
}

func (a *app) completeSchedule() cobra.CompletionFunc {
	return completeName(a, (*client.Client).Schedules, func(s api.Schedule) string { return s.Name })
}

func (a *app) scheduleList() *cobra.Command {
	return a.build(command{use: "list", short: "List schedules", args: exactly(), run: func(ctx context.Context, _ []string) error {
		agent, err := a.agent()
		if err != nil {
			return err
		}
		found, err := agent.Schedules(ctx)
		if err != nil {
			return err
		}
		return a.show(found, func(w io.Writer) {
			rows(w, "Nothing is scheduled. Add something with: left4me schedule create NAME …", []string{"NAME", "WHEN", "DOES", "NEXT", "LAST"},
				table(found, func(s api.Schedule) []string {
					next := maybe(s.NextRun)
					if !s.Enabled {
						next = "off"
					}
					return []string{s.Name, scheduleWhen(s.Trigger), scheduleDoes(s.Actions), next, maybe(s.LastRun)}
				}))
		})
	}})
}

func scheduleWhen(t api.ScheduleTrigger) string {
	if t.Cron != "" {
		return strings.TrimSpace(t.Cron + " " + t.Zone)
	}
	return strings.TrimSpace(t.On + " " + t.Server)
}

func scheduleDoes(actions []api.ScheduleAction) string {
	var out []string
	for _, action := range actions {
		out = append(out, strings.TrimSpace(action.Kind+" "+action.Server+action.Overlay))
	}
	return strings.Join(out, ", ")
}

func (a *app) scheduleShow() *cobra.Command {
	return a.build(command{use: "show NAME", short: "Show a schedule", args: exactly("NAME"), complete: a.completeSchedule(),
		long: "Show a schedule as JSON. What it prints under trigger, conditions, actions, overlap and catch_up is what --file takes.",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			found, err := agent.Schedule(ctx, args[0])
			if err != nil {
				return err
			}
			return a.show(found, func(w io.Writer) { asJSON(w, found) })
		}})
}

func asJSON(w io.Writer, v any) {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v)
}

func (a *app) scheduleKinds() *cobra.Command {
	return a.build(command{use: "kinds", short: "List what schedules can be made of", args: exactly(), run: func(ctx context.Context, _ []string) error {
		agent, err := a.agent()
		if err != nil {
			return err
		}
		found, err := agent.ScheduleKinds(ctx)
		if err != nil {
			return err
		}
		return a.show(found, func(w io.Writer) {
			rows(w, "", []string{"ACTION", "WHAT IT DOES", "NEEDS"}, table(found.Actions, func(k api.ScheduleActionKind) []string {
				var needs []string
				for what, needed := range map[string]bool{"server": k.Server, "overlay": k.Overlay, "url": k.URL, k.Text: k.Text != ""} {
					if needed {
						needs = append(needs, what)
					}
				}
				return []string{k.Name, k.Doc, strings.Join(needs, ", ")}
			}))
			fmt.Fprintln(w, "\nWhat can set one off with --on:")
			lines(w, "  "+strings.Join(found.Causes, "\n  "))
		})
	}})
}

// scheduleFlags are the parts of a definition that have a flag.
type scheduleFlags struct {
	file             string
	definition       api.ScheduleDefinition
	do               []string
	minimum, maximum int
	wait, cooldown   time.Duration
}

func (f *scheduleFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.file, "file", "", "read the definition as JSON from this file; - = standard input")
	flags.StringVar(&f.definition.Trigger.Cron, "cron", "", `when: "minute hour day month weekday", or @daily`)
	flags.StringVar(&f.definition.Trigger.Zone, "zone", "", "time zone of --cron, for example Europe/Berlin")
	flags.StringVar(&f.definition.Trigger.On, "on", "", "what must happen, for example server.empty")
	flags.StringVar(&f.definition.Trigger.Match, "match", "", "regular expression for lines, with --on server.console")
	flags.StringVar(&f.definition.Trigger.Server, "on-server", "", "only when it happens on this server")
	flags.DurationVar(&f.cooldown, "cooldown", 0, "how long it is not set off again, with --on; 0 = 1m")
	flags.StringVar(&f.definition.Conditions.Server, "server", "", "the server that conditions and actions are about")
	flags.IntVar(&f.minimum, "min-players", -1, "only when at least this many play")
	flags.IntVar(&f.maximum, "max-players", -1, "only when at most this many play; 0 = when empty")
	flags.StringSliceVar(&f.definition.Conditions.States, "state", nil, "only in one of these states, for example running")
	flags.DurationVar(&f.wait, "wait", 0, "how long the conditions may take to become true")
	flags.StringArrayVar(&f.do, "do", nil, `an action: KIND or KIND=TEXT, in order; for example "say=Restart in 5 minutes", restart, build=maps, webhook=https://…`)
	flags.StringVar(&f.definition.Overlap, "overlap", "", "when it is set off before it was done: skip or queue")
	flags.BoolVar(&f.definition.CatchUp, "catch-up", false, "run once at the start of the agent when a time was missed")
}

// read makes the definition.
func (f *scheduleFlags) read(stdin io.Reader) (api.ScheduleDefinition, error) {
	if f.file != "" {
		return readDefinition(f.file, stdin)
	}
	d := f.definition
	d.Trigger.Cooldown, d.Conditions.Wait = int(f.cooldown.Seconds()), int(f.wait.Seconds())
	if f.minimum >= 0 {
		d.Conditions.MinPlayers = &f.minimum
	}
	if f.maximum >= 0 {
		d.Conditions.MaxPlayers = &f.maximum
	}
	for _, text := range f.do {
		d.Actions = append(d.Actions, parseAction(text, d.Conditions.Server))
	}
	return d, nil
}

// parseAction reads KIND or KIND=TEXT. The agent says what is wrong with it.
func parseAction(text, server string) api.ScheduleAction {
	kind, rest, _ := strings.Cut(text, "=")
	action := api.ScheduleAction{Kind: kind}
	switch kind {
	case "build":
		action.Overlay = rest
	case "webhook":
		action.URL = rest
		if strings.HasPrefix(rest, "https://discord.com/") {
			action.Format = "discord"
		}
	case "update", "refresh", "backup":
	default:
		action.Server, action.Text = server, rest
	}
	return action
}

func readDefinition(file string, stdin io.Reader) (api.ScheduleDefinition, error) {
	var d api.ScheduleDefinition
	from := stdin
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return d, fault.Wrap(err, fault.Invalid, "The definition cannot be read: %v.", err)
		}
		defer opened.Close()
		from = opened
	}
	decoder := json.NewDecoder(io.LimitReader(from, 1<<20))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return d, fault.Wrap(err, fault.Invalid, "The definition is not what was expected: %v.", err).
			WithHint("See one with: left4me schedule show NAME")
	}
	return d, nil
}

func (a *app) scheduleCreate() *cobra.Command {
	var flags scheduleFlags
	in := api.ScheduleCreate{}
	out := a.build(command{use: "create NAME", short: "Make a schedule", args: exactly("NAME"),
		long: "Make a schedule. It has a time (--cron) or something that must happen (--on), conditions, and actions that are done in\n" +
			"order (--do). Each time it is a job, so that it can be followed, canceled and read afterwards.",
		example: "  left4me schedule create nightly --cron \"30 4 * * *\" --server alpha --max-players 0 --wait 2h --do restart\n" +
			"  left4me schedule create warn --on server.crashed --do webhook=https://discord.com/api/webhooks/…\n" +
			"  left4me schedule create refill --on server.map_end --on-server alpha --do \"say=Thanks for playing!\"",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			in.Name = args[0]
			if in.ScheduleDefinition, err = flags.read(a.Stdin); err != nil {
				return err
			}
			made, err := agent.CreateSchedule(ctx, in)
			if err != nil {
				return err
			}
			return a.show(made, func(w io.Writer) { fmt.Fprintf(w, "Schedule %q was made.%s\n", made.Name, nextSentence(made)) })
		}})
	flags.add(out)
	out.Flags().BoolVar(&in.Disabled, "disabled", false, "make it switched off")
	return out
}

func nextSentence(s api.Schedule) string {
	if s.NextRun == nil {
		return ""
	}
	return " It runs next at " + maybe(s.NextRun) + "."
}

func (a *app) scheduleEdit() *cobra.Command {
	var flags scheduleFlags
	out := a.build(command{use: "edit NAME", short: "Give a schedule a new definition", args: exactly("NAME"), complete: a.completeSchedule(),
		long:    "Give a schedule a new definition, by the same flags as create or by --file. The old one is replaced as a whole.",
		example: "  left4me schedule show nightly --format json | jq .trigger.cron=\\\"@hourly\\\" > new.json",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			d, err := flags.read(a.Stdin)
			if err != nil {
				return err
			}
			changed, err := agent.UpdateSchedule(ctx, args[0], api.ScheduleUpdate{Definition: &d})
			if err != nil {
				return err
			}
			return a.show(changed, func(w io.Writer) { fmt.Fprintf(w, "Schedule %q was changed.%s\n", changed.Name, nextSentence(changed)) })
		}})
	flags.add(out)
	return out
}

func (a *app) scheduleSwitch(verb, short string, on bool) *cobra.Command {
	return a.build(command{use: verb + " NAME", short: short, args: exactly("NAME"), complete: a.completeSchedule(),
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			changed, err := agent.UpdateSchedule(ctx, args[0], api.ScheduleUpdate{Enabled: &on})
			if err != nil {
				return err
			}
			return a.show(changed, func(w io.Writer) {
				fmt.Fprintf(w, "Schedule %q is %sd.%s\n", changed.Name, verb, nextSentence(changed))
			})
		}})
}

func (a *app) scheduleRun() *cobra.Command {
	in, follow := api.ScheduleRun{}, false
	out := a.build(command{use: "run NAME", short: "Set a schedule off now", args: exactly("NAME"), complete: a.completeSchedule(),
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			job, err := agent.RunSchedule(ctx, args[0], in)
			if err != nil {
				return err
			}
			return a.finish(ctx, agent, job, follow)
		}})
	out.Flags().StringVar(&in.Server, "server", "", "stands for the server that would have set it off")
	out.Flags().BoolVarP(&follow, "follow", "f", false, "show the job's log")
	a.waitFlag(out.Flags())
	return out
}

func (a *app) scheduleDelete() *cobra.Command {
	return a.build(command{use: "delete NAME", short: "Delete a schedule", args: exactly("NAME"), complete: a.completeSchedule(),
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			return agent.DeleteSchedule(ctx, args[0])
		}})
}
