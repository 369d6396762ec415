package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/agent/internal/id"
)

// seeded is what happened to one file.
type seeded struct {
	Name   string `json:"name"`
	File   string `json:"file"`
	Action string `json:"action"` // created, updated, unchanged, skipped
	Reason string `json:"reason,omitempty"`
	Job    string `json:"job,omitempty"`
}

func (a *app) overlaySeed() *cobra.Command {
	kind, build := "overlay-script", false
	out := a.build(command{
		use: "seed DIR", short: "Make a system-wide overlay of each script in a directory", args: exactly("DIR"),
		long: `Make or update one overlay for each script in DIR, named like its file without .sh or .bash: a new file
makes a system-wide overlay, a changed one updates its script and keeps its other settings, an unchanged
one is left alone. Overlays without a file are not touched, and neither is one of the same name and
another type. Lines such as "# left4me: tools=curl" at the top of a script are read by the plugin.`,
		example: "  left4me overlay seed examples/script-overlays",
		run: func(ctx context.Context, args []string) error {
			scripts, skipped, err := readScripts(args[0])
			if err != nil {
				return err
			}
			for _, done := range skipped {
				if err := a.printSeeded(done); err != nil {
					return err
				}
			}
			return a.seed(ctx, kind, build, scripts)
		},
	})
	out.Flags().StringVar(&kind, "type", kind, "the script plugin's name in the config")
	out.Flags().BoolVar(&build, "build", false, "start a build of what is new or changed")
	return out
}

func (a *app) printSeeded(done seeded) error {
	text := done.Name + ": " + done.Action
	return a.line(done, text+orNothing(", ", done.Reason)+orNothing(", building as job ", done.Job))
}

// seedScript is a script to seed.
type seedScript struct{ name, file, text string }

// readScripts reads every script of dir, in the order of their names. Other files are told apart by
// their first two bytes.
func readScripts(dir string) (scripts []seedScript, skipped []seeded, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, wrong("The directory %s cannot be read: %s.", dir, pathReason(err)).hint("Check the path.")
	}
	for _, entry := range entries {
		name := strings.TrimSuffix(strings.TrimSuffix(entry.Name(), ".sh"), ".bash")
		path := filepath.Join(dir, entry.Name())
		if !entry.Type().IsRegular() || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		data, err := readFile(path, maxSettings)
		switch {
		case err != nil:
			return nil, nil, err
		case !strings.HasPrefix(string(data), "#!") && name == entry.Name():
			continue // a README
		case !strings.HasPrefix(string(data), "#!"):
			skipped = append(skipped, seeded{name, path, "skipped", "its first line is not #! and an interpreter", ""})
		case !id.ValidName(name):
			skipped = append(skipped, seeded{name, path, "skipped", "its name is not 1 to 64 characters of a-z, 0-9, _ and -", ""})
		default:
			scripts = append(scripts, seedScript{name, path, string(data)})
		}
	}
	if len(scripts) == 0 && len(skipped) == 0 {
		return nil, nil, wrong("The directory %s has no scripts.", dir).hint("A script begins with #! and is named like its overlay.")
	}
	return scripts, skipped, nil
}

// seed makes or updates an overlay for each script and tells what it did. One that is refused does not
// keep the others from being made.
func (a *app) seed(ctx context.Context, kind string, build bool, scripts []seedScript) error {
	agent, err := a.agent()
	if err != nil {
		return err
	}
	present, err := agent.Overlays(ctx)
	if err != nil {
		return err
	}
	var refused error
	for _, script := range scripts {
		done, err := seedOne(ctx, agent, kind, build, script, present)
		if failure, isOurs := errors.AsType[*client.Error](err); isOurs && failure.Code != client.CodeUnavailable && failure.Code != client.CodeForbidden {
			done.Action, done.Reason = "refused", failure.Message
			refused = fmt.Errorf("%s: %w", script.file, err)
		} else if err != nil {
			return err
		}
		if err := a.printSeeded(done); err != nil {
			return err
		}
	}
	return refused
}

func seedOne(ctx context.Context, agent *client.Client, kind string, build bool, script seedScript, present []api.Overlay) (seeded, error) {
	done := seeded{Name: script.name, File: script.file, Action: "created"}
	at := slices.IndexFunc(present, func(o api.Overlay) bool { return o.Name == script.name })
	if at < 0 {
		settings, err := withScript(nil, script.text)
		if err != nil {
			return done, err
		}
		made, err := agent.CreateOverlay(ctx, api.OverlayCreate{Name: script.name, Type: kind, System: true, Settings: settings, Build: build})
		done.Job = made.LastJob
		return done, err
	}
	old := present[at]
	if old.Type != kind {
		done.Action, done.Reason = "skipped", fmt.Sprintf("an overlay of this name has the type %s", old.Type)
		return done, nil
	}
	if text, ok := scriptOf(old.Settings); ok && text == script.text {
		done.Action = "unchanged"
		return done, nil
	}
	done.Action = "updated"
	settings, err := withScript(old.Settings, script.text)
	if err != nil {
		return done, err
	}
	if _, err := agent.UpdateOverlay(ctx, script.name, api.OverlayUpdate{Settings: settings}); err != nil || !build {
		return done, err
	}
	job, err := agent.BuildOverlay(ctx, script.name, api.OverlayBuild{})
	done.Job = job.ID
	return done, err
}
