package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

func (a *app) overlayCommand() *cobra.Command {
	return a.group("overlay", "Make and build overlays: named content that servers are stacked from",
		a.overlayList(), a.overlayTypes(), a.overlayShow(), a.overlayCreate(), a.overlaySet(), a.overlayEdit(), a.overlayBuild(),
		a.overlayWipe(), a.overlayDelete(), a.overlayRevisions(), a.overlayDiff(), a.overlayRollback(), a.overlayPin(true), a.overlayPin(false),
		a.overlaySeed(), a.overlayRefresh(), a.overlayItems(), a.overlayCampaigns(),
		give(a, "an overlay", a.completeOverlay(), (*client.Client).GiveOverlay, a.showOverlay))
}

func (a *app) completeOverlay() cobra.CompletionFunc {
	return completeName(a, (*client.Client).Overlays, func(o api.Overlay) string { return o.Name })
}

func (a *app) overlayList() *cobra.Command {
	return a.build(command{
		use: "list", short: "List overlays",
		run: func(ctx context.Context, _ []string) error {
			return listed(ctx, a, (*client.Client).Overlays, "There is no overlay. Make one with: left4me overlay create",
				[]string{"NAME", "TYPE", "SYSTEM", "BUILT", "SIZE", "FILES", "LAST BUILD", "USED BY"},
				func(o api.Overlay) []string {
					kind, bytes := o.Type, ""
					if o.TypeMissing {
						kind += " (missing)"
					}
					if o.Revision != "" {
						bytes = size(o.Bytes)
					}
					return []string{o.Name, kind, yes(o.System), maybe(o.BuiltAt), bytes, number(o.Files), o.LastStatus, strings.Join(o.UsedBy, ", ")}
				})
		},
	})
}

func (a *app) overlayTypes() *cobra.Command {
	return a.build(command{
		use: "types [TYPE]", short: "List what overlays can be made with, or the settings of one type", args: upTo(1),
		complete: completeName(a, (*client.Client).OverlayTypes, func(t api.OverlayType) string { return t.Name }),
		long:     "List the types of overlays that enabled plugins make. With a type, show its settings, which --set of create and set takes.",
		run: func(ctx context.Context, args []string) error {
			if len(args) == 1 {
				return a.overlayType(ctx, args[0])
			}
			return listed(ctx, a, (*client.Client).OverlayTypes, "No builder plugin is enabled.", []string{"TYPE", "WHAT IT DOES"},
				func(t api.OverlayType) []string { return []string{t.Name, t.Doc} })
		},
	})
}

func (a *app) overlayShow() *cobra.Command {
	return a.build(command{
		use: "show NAME", short: "Show an overlay and its settings", args: exactly("NAME"), complete: a.completeOverlay(),
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			return a.showOverlay(agent.Overlay(ctx, args[0]))
		},
	})
}

func (a *app) showOverlay(o api.Overlay, err error) error {
	if err != nil {
		return err
	}
	return a.show(o, func(w io.Writer) {
		content := ""
		if o.Revision != "" {
			content = fmt.Sprintf("%s in %d files", size(o.Bytes), o.Files)
		}
		disk := ""
		if o.DiskBytes > 0 {
			disk = size(o.DiskBytes) + " for all revisions"
		}
		pairs(w, "Name", o.Name, "Type", o.Type, "System-wide", yes(o.System), "Owner", o.Owner, "Revision", o.Revision,
			"Content", content, "On disk", disk, "Built", maybe(o.BuiltAt), "Last build", strings.TrimSpace(o.LastStatus+" "+o.LastJob), "Used by", strings.Join(o.UsedBy, ", "),
			"Created", moment(o.CreatedAt), "Changed", moment(o.UpdatedAt))
		if o.TypeMissing {
			fmt.Fprintf(w, "note: no enabled plugin makes overlays of type %q\n", o.Type)
		}
		fmt.Fprintln(w, "Settings:")
		lines(w, indented(o.Settings))
	})
}

func (a *app) overlayCreate() *cobra.Command {
	var in api.OverlayCreate
	var given settingsFlags
	out := a.build(command{
		use: "create NAME", short: "Make an overlay", args: exactly("NAME"),
		example: `  left4me overlay create maps --type overlay-workshop --settings '{"items":["123456789"]}' --build
  left4me overlay create maps --type overlay-workshop --set items=123456789 --set items=987654321
  left4me overlay create tickrate --type overlay-script --script ./tickrate.sh`,
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			in.Name = args[0]
			if in.Settings, err = given.merge(a.Stdin, nil); err != nil {
				return err
			}
			if in.Settings, err = withSet(ctx, agent, in.Type, in.Settings, given.set); err != nil {
				return err
			}
			made, err := agent.CreateOverlay(ctx, in)
			if err != nil {
				return err
			}
			if !in.Build {
				return a.show(made, func(w io.Writer) {
					fmt.Fprintf(w, "Overlay %q is made. Build it with: left4me overlay build %s\n", made.Name, made.Name)
				})
			}
			return a.finishID(ctx, agent, made.LastJob, true)
		},
	})
	flags := out.Flags()
	flags.StringVar(&in.Type, "type", "", "what it is made with, see: left4me overlay types")
	flags.BoolVar(&in.System, "system", false, "readable by all accounts, owned by nobody")
	flags.BoolVar(&in.Build, "build", false, "build it at once")
	given.register(flags)
	a.waitFlag(flags)
	_ = out.RegisterFlagCompletionFunc("set", a.completeSet(func(context.Context, *client.Client, []string) string { return in.Type }))
	_ = out.RegisterFlagCompletionFunc("type", completeValue(a, (*client.Client).OverlayTypes, func(t api.OverlayType) string { return t.Name }))
	return out
}

// finishID waits for a job that is known by its id only.
func (a *app) finishID(ctx context.Context, agent *client.Client, id string, withLog bool) error {
	job, err := agent.Job(ctx, id)
	if err != nil {
		return err
	}
	return a.finish(ctx, agent, job, withLog)
}

func (a *app) overlaySet() *cobra.Command {
	var given settingsFlags
	var system bool
	var out *cobra.Command
	out = a.build(command{
		use: "set NAME", short: "Change an overlay", args: exactly("NAME"), complete: a.completeOverlay(),
		long:    "Change what is given and keep the rest. Servers take it up after the next build, at their next start.",
		example: "  left4me overlay set tickrate --script ./tickrate.sh\n  left4me overlay set maps --set items=123456789",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			var in api.OverlayUpdate
			if out.Flags().Changed("system") {
				in.System = &system
			}
			if given.any() {
				old, err := agent.Overlay(ctx, args[0])
				if err != nil {
					return err
				}
				if in.Settings, err = given.merge(a.Stdin, old.Settings); err != nil {
					return err
				}
				if in.Settings, err = withSet(ctx, agent, old.Type, in.Settings, given.set); err != nil {
					return err
				}
			}
			if in.System == nil && in.Settings == nil {
				return usageError(out, "There is nothing to change.")
			}
			return a.showOverlay(agent.UpdateOverlay(ctx, args[0], in))
		},
	})
	out.Flags().BoolVar(&system, "system", false, "readable by all accounts, owned by nobody")
	given.register(out.Flags())
	_ = out.RegisterFlagCompletionFunc("set", a.completeSet(func(ctx context.Context, agent *client.Client, args []string) string {
		if len(args) == 0 {
			return ""
		}
		o, _ := agent.Overlay(ctx, args[0]) // without one there is nothing to offer
		return o.Type
	}))
	return out
}

func (a *app) overlayDelete() *cobra.Command {
	return a.build(command{
		use: "delete NAME", short: "Delete an overlay that no blueprint lists", args: exactly("NAME"), complete: a.completeOverlay(),
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			if err := agent.DeleteOverlay(ctx, args[0]); err != nil {
				return err
			}
			return a.deleted("Overlay", args[0])
		},
	})
}

func (a *app) deleted(what, name string) error {
	return a.show(map[string]string{"deleted": name}, func(w io.Writer) { fmt.Fprintf(w, "%s %q is deleted.\n", what, name) })
}
