package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/api"
)

func (a *app) overlayBuild() *cobra.Command {
	var wipe, quiet bool
	out := a.build(command{
		use: "build NAME", short: "Build a new revision of an overlay", args: exactly("NAME"), complete: a.completeOverlay(),
		long: `Build a new revision, which starts from the present one, and show the build's log. Running servers keep
what they have; they take the revision up at their next start. Ctrl-C stops showing, not the build.`,
		example: "  left4me overlay build maps",
		run: func(ctx context.Context, args []string) error {
			return a.runBuild(ctx, args[0], wipe, !quiet)
		},
	})
	out.Flags().BoolVar(&wipe, "wipe", false, "start from an empty tree")
	out.Flags().BoolVar(&quiet, "quiet", false, "do not show the log")
	a.waitFlag(out.Flags())
	return out
}

func (a *app) overlayWipe() *cobra.Command {
	out := a.build(command{
		use: "wipe NAME", short: "Build an overlay from an empty tree", args: exactly("NAME"), complete: a.completeOverlay(),
		long: "The same as: left4me overlay build --wipe NAME. Earlier revisions stay until they are no longer used.",
		run:  func(ctx context.Context, args []string) error { return a.runBuild(ctx, args[0], true, true) },
	})
	a.waitFlag(out.Flags())
	return out
}

func (a *app) runBuild(ctx context.Context, name string, wipe, withLog bool) error {
	agent, err := a.agent()
	if err != nil {
		return err
	}
	job, err := agent.BuildOverlay(ctx, name, api.OverlayBuild{Wipe: wipe})
	if err != nil {
		return err
	}
	return a.finish(ctx, agent, job, withLog)
}

func (a *app) overlayRevisions() *cobra.Command {
	return a.build(command{
		use: "revisions NAME", short: "List the revisions of an overlay, newest first", args: exactly("NAME"), complete: a.completeOverlay(),
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			found, err := agent.Revisions(ctx, args[0])
			if err != nil {
				return err
			}
			return a.show(found, func(w io.Writer) {
				rows(w, "It was never built. Build it with: left4me overlay build "+args[0],
					[]string{"REVISION", "PRESENT", "PINNED", "USED BY", "MADE", "SIZE", "OWN", "SHARED", "FILES", "ADDED", "CHANGED", "REMOVED"},
					table(found, func(r api.Revision) []string {
						return []string{r.ID, yes(r.Current), yes(r.Pinned), strings.Join(r.UsedBy, ", "), moment(r.CreatedAt),
							size(r.Bytes), size(r.OwnBytes), size(r.SharedBytes), number(r.Files), number(r.Added), number(r.Changed), number(r.Removed)}
					}))
			})
		},
	})
}

func (a *app) overlayDiff() *cobra.Command {
	from := ""
	out := a.build(command{
		use: "diff NAME [REVISION]", short: "List what a build changed", args: upTo(2, "NAME"), complete: a.completeOverlay(),
		long:    "List the files that differ between a revision (the present one if none is given) and the one before it, or --from another.",
		example: "  left4me overlay diff maps",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			revision := ""
			if len(args) > 1 {
				revision = args[1]
			} else if revision, err = a.present(ctx, args[0]); err != nil {
				return err
			}
			changes, err := agent.DiffRevisions(ctx, args[0], revision, from)
			if err != nil {
				return err
			}
			notes, err := a.notes(ctx, args[0], revision)
			if err != nil {
				return err
			}
			return a.show(changes, func(w io.Writer) {
				writeChanges(w, changes)
				for _, note := range notes {
					fmt.Fprintln(w, "note: "+printable(note))
				}
			})
		},
	})
	out.Flags().StringVar(&from, "from", "", "the revision to compare with")
	return out
}

// present returns the present revision of an overlay.
func (a *app) present(ctx context.Context, name string) (string, error) {
	o, err := a.client.Overlay(ctx, name)
	if err == nil && o.Revision == "" {
		err = wrong("Overlay %q was never built.", name).hint("Build it with: left4me overlay build %s", name)
	}
	return o.Revision, err
}

// notes returns what admission had to say about a revision.
func (a *app) notes(ctx context.Context, name, revision string) ([]string, error) {
	revisions, err := a.client.Revisions(ctx, name)
	for _, r := range revisions {
		if r.ID == revision {
			return r.Notes, err
		}
	}
	return nil, err
}

func writeChanges(w io.Writer, changes []api.FileChange) {
	signs := map[string]string{"added": "+", "removed": "-", "changed": "~"}
	for _, change := range changes {
		fmt.Fprintf(w, "%s %s (%s)\n", signs[change.Kind], printable(change.Path), size(change.Size))
	}
	if len(changes) == 0 {
		fmt.Fprintln(w, "Nothing differs.")
	}
}

func (a *app) overlayRollback() *cobra.Command {
	return a.build(command{
		use: "rollback NAME REVISION", short: "Make an earlier revision the present one", args: exactly("NAME", "REVISION"), complete: a.completeOverlay(),
		example: "  left4me overlay revisions maps\n  left4me overlay rollback maps REVISION",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			return a.showOverlay(agent.RollbackOverlay(ctx, args[0], args[1]))
		},
	})
}

func (a *app) overlayPin(pinned bool) *cobra.Command {
	spec := command{
		use: "pin NAME REVISION", short: "Keep a revision, however old it becomes", args: exactly("NAME", "REVISION"), complete: a.completeOverlay(),
		long: "Old revisions are removed by themselves, but for the newest three besides the present one, and those that servers run with. A pinned one stays.",
	}
	done := "Revision %s of overlay %q is kept.\n"
	if !pinned {
		spec.use, spec.short, spec.long = "unpin NAME REVISION", "Let go of a pinned revision", ""
		done = "Revision %s of overlay %q is removed when it is old.\n"
	}
	spec.run = func(ctx context.Context, args []string) error {
		agent, err := a.agent()
		if err != nil {
			return err
		}
		r, err := agent.PinRevision(ctx, args[0], api.OverlayPin{Revision: args[1], Pinned: pinned})
		if err != nil {
			return err
		}
		return a.show(r, func(w io.Writer) { fmt.Fprintf(w, done, r.ID, r.Overlay) })
	}
	return a.build(spec)
}
