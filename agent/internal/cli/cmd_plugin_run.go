package cli

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/internal/plugindev"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

func (a *app) pluginRun() *cobra.Command {
	var options plugindev.RunOptions
	var overlay, settings string
	var env, secrets, set []string
	out := a.build(command{
		use: "run BINARY [ARGUMENT...]", short: "Build one overlay with a plugin, without an agent", args: atLeast("BINARY"),
		long: `Build one overlay on this machine with a builder's program, and show its log, its progress, and the tree that it made.
Nothing is committed. What is in the directory already is to the plugin the overlay's previous revision; with --state, cache
and annotations stay for the next run too, so that a rebuild can be tried.`,
		example: `  left4me plugin run ./overlay-motd --set text=Hello --out ./content
  left4me plugin run ./overlay-http --settings overlay.json --out ./content --state ./state`,
		run: func(ctx context.Context, args []string) (err error) {
			program := plugindev.Program{Command: args, Env: env}
			if settings != "" {
				if options.Settings, err = readDocument(a.Stdin, settings); err != nil {
					return err
				}
			}
			if overlay != "" {
				if options.Overlay, err = readDocument(a.Stdin, overlay); err != nil {
					return err
				}
			}
			if len(set) > 0 {
				d, err := program.Describe(ctx)
				if err != nil {
					return err
				}
				if options.Overlay, err = assign(d.OverlaySchema, options.Overlay, set); err != nil {
					return err
				}
			}
			if options.Secrets, err = pairsOf(secrets, "secret"); err != nil {
				return err
			}
			return a.runPlugin(ctx, program, options)
		},
	})
	flags := out.Flags()
	flags.StringVar(&overlay, "settings", "", "the overlay's settings: a JSON object, FILE, or - for standard input (default the schema's first example)")
	flags.StringArrayVar(&set, "set", nil, "KEY=VALUE of the overlay's settings; may be repeated")
	flags.StringVar(&settings, "plugin-settings", "", "the operator's settings of the plugin; {dir} in them is the directory of --state")
	flags.StringVar(&options.Out, "out", "", "directory for the content (required)")
	flags.StringVar(&options.State, "state", "", "directory that keeps the plugin's state and cache (default: nothing is kept)")
	flags.StringArrayVar(&secrets, "secret", nil, "NAME=VALUE of a secret")
	flags.StringArrayVar(&env, "env", nil, "NAME=VALUE for the plugin's otherwise clean environment")
	flags.Uint64Var(&options.Limits.MaxBytes, "max-bytes", 0, "limit of the content in bytes (default none)")
	flags.Uint64Var(&options.Limits.MaxFiles, "max-files", 0, "limit of the content in files (default none)")
	flags.DurationVar(&options.Limits.MaxTime, "max-time", 0, "limit of the build's time (default none)")
	return out
}

func (a *app) runPlugin(ctx context.Context, program plugindev.Program, options plugindev.RunOptions) error {
	if options.Out == "" {
		return wrong("--out is missing.").hint("Name a directory for the content.")
	}
	progress := &runReport{w: a.Stderr}
	built, err := plugindev.Run(ctx, program, options, progress)
	if ctx.Err() != nil {
		return &interrupted{note: "The build was canceled."}
	}
	if err != nil {
		return err
	}
	return a.show(built, func(w io.Writer) {
		printTree(w, built)
		result := built.Result
		note := ""
		if result.Unchanged {
			note = ", nothing has changed"
		}
		fmt.Fprintf(w, "%s in %s, built in %s%s\n", size(result.Bytes), counted(int(result.Files), "file"), built.Took.Round(time.Millisecond), note)
		for _, key := range slices.Sorted(maps.Keys(result.Annotations)) {
			fmt.Fprintln(w, printable("note: "+key+" = "+result.Annotations[key]))
		}
		for _, problem := range built.Problems {
			fmt.Fprintln(w, printable("a mounter would refuse this: "+problem))
		}
	})
}

// maxShown bounds the tree that is printed.
const maxShown = 200

func printTree(w io.Writer, built plugindev.Built) {
	names := slices.Sorted(maps.Keys(built.Tree))
	for i, name := range names {
		if i == maxShown {
			fmt.Fprintf(w, "… and %d more\n", len(names)-i)
			return
		}
		entry := built.Tree[name]
		switch {
		case entry.Mode.IsDir():
			fmt.Fprintln(w, printable(name+"/"))
		case entry.Mode&fs.ModeSymlink != 0:
			fmt.Fprintln(w, printable(name+" -> "+entry.Link))
		default:
			fmt.Fprintf(w, "%s  %s\n", printable(name), size(uint64(entry.Size)))
		}
	}
}

// runReport prints what a run reports, to standard error.
type runReport struct {
	mu sync.Mutex
	w  io.Writer
}

func (r *runReport) say(what, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for line := range strings.Lines(text) {
		fmt.Fprintf(r.w, "%-9s %s\n", what, printable(strings.TrimRight(line, "\r\n")))
	}
}

// Progress implements builder.Events.
func (r *runReport) Progress(p builder.Progress) {
	total := ""
	if p.Total > 0 {
		total = fmt.Sprintf(" of %d", p.Total)
	}
	r.say("progress", strings.TrimSpace(fmt.Sprintf("%s: %d%s %s %s", p.Phase, p.Done, total, p.Unit, p.Message)))
}

// Log implements builder.Events.
func (r *runReport) Log(level, message string) { r.say(level, message) }

// Output implements builder.Events.
func (r *runReport) Output(stream builder.Stream, data []byte) { r.say(string(stream), string(data)) }

// Diagnostic implements builder.Events.
func (r *runReport) Diagnostic(d sdk.Diagnostic) { r.say(string(d.Severity), d.Summary+" "+d.Detail) }

// Warn implements plugindev.Report.
func (r *runReport) Warn(d sdk.Diagnostic) { r.Diagnostic(d) }

// PluginLog implements plugindev.Report.
func (r *runReport) PluginLog(line string) { r.say("plugin", line) }

// pairsOf reads NAME=VALUE.
func pairsOf(list []string, what string) (map[string]string, error) {
	out := map[string]string{}
	for _, entry := range list {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || name == "" {
			return nil, wrong("The %s %q has no name and value.", what, entry).hint("Write NAME=VALUE.")
		}
		out[name] = value
	}
	return out, nil
}
