package plugindev

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

// RunOptions say what to build and where.
type RunOptions struct {
	Overlay  json.RawMessage   // the overlay's settings; nil takes the schema's first example
	Settings json.RawMessage   // the operator's; nil takes the schema's first example
	Secrets  map[string]string // for plugin and overlay
	Out      string            // the staging tree; made when it is absent. What is in it is the previous revision
	State    string            // keeps the plugin's state and cache between runs; "" keeps nothing
	Limits   builder.Limits
}

// Report is what a run shows while it goes on. Events come in order.
type Report interface {
	builder.Events
	// Warn is a finding about the operator's settings.
	Warn(sdk.Diagnostic)
	// PluginLog is a line of the plugin's own log.
	PluginLog(line string)
}

// Built is the outcome of a run.
type Built struct {
	Result   builder.Result `json:"result"`
	Tree     sdktest.Tree   `json:"-"`
	Problems []string       `json:"problems,omitempty"` // what a mounter would refuse or mend
	Took     time.Duration  `json:"took"`
}

// Run builds one overlay with a builder's program, as the agent would, and ends the program. Nothing is committed: the
// tree stays in Out. Annotations of the last run are kept in State, so that incremental builders can be tried.
func Run(ctx context.Context, program Program, options RunOptions, report Report) (Built, error) {
	d, err := program.Describe(ctx)
	if err != nil {
		return Built{}, err
	}
	if d.Kind != sdk.KindBuilder {
		return Built{}, fault.New(fault.Precondition, "%s is a %s, and only a builder can build an overlay.", d.Name, d.Kind).
			WithHint("Check a mounter with: left4me plugin verify %s", program.Command[0])
	}
	if options.Settings == nil {
		if options.Settings, err = example(d.PluginSchema, 0, "plugin", "--plugin-settings"); err != nil {
			return Built{}, err
		}
	}
	if options.Overlay == nil {
		if options.Overlay, err = example(d.OverlaySchema, 0, "overlay", "--settings"); err != nil {
			return Built{}, err
		}
	}
	w := &workshop{options: options, report: report}
	defer w.close()
	if err := w.prepare(); err != nil {
		return Built{}, err
	}
	command, err := program.command()
	if err != nil {
		return Built{}, err
	}
	return w.build(ctx, command)
}

// workshop is one run.
type workshop struct {
	options RunOptions
	report  Report
	temp    string
	process *sdktest.Process
}

// prepare makes the directories.
func (w *workshop) prepare() (err error) {
	if w.options.Out, err = filepath.Abs(w.options.Out); err != nil {
		return err
	}
	if w.temp, err = sdktest.SocketDir(); err != nil {
		return err
	}
	if w.options.State == "" {
		w.options.State = w.temp
	} else if w.options.State, err = filepath.Abs(w.options.State); err != nil {
		return err
	}
	for _, dir := range []string{w.options.Out, filepath.Join(w.options.State, "state"), filepath.Join(w.options.State, "cache")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fault.Wrap(err, fault.Invalid, "The directory %s cannot be made.", dir).WithHint("Name another one.")
		}
	}
	return nil
}

func (w *workshop) close() {
	if w.process != nil {
		w.process.Stop()
		for line := range strings.Lines(w.process.Log()) {
			w.report.PluginLog(strings.TrimRight(line, "\n"))
		}
	}
	_ = os.RemoveAll(w.temp) // our own
}

func (w *workshop) build(ctx context.Context, command sdktest.Command) (Built, error) {
	var err error
	if w.process, err = sdktest.Launch(w.temp, command, sdk.KindBuilder); err != nil {
		return Built{}, fault.Wrap(err, fault.Precondition, "The plugin does not start: %s.", lastLine(err)).
			WithHint("Look for what is wrong with: left4me plugin verify --only C01 %s", command.Path)
	}
	found, err := sdk.NewBaseClient(w.process.Conn).Configure(ctx, sdk.Settings{
		JSON: fill(w.options.Settings, w.options.State), StateDir: filepath.Join(w.options.State, "state"),
		CacheDir: filepath.Join(w.options.State, "cache"), LogLevel: "debug", Secrets: w.options.Secrets,
	})
	if err = errors.Join(inOurWords(err), refused(found, "settings of the plugin", w.report.Warn)); err != nil {
		return Built{}, err
	}
	b := builder.NewClient(w.process.Conn)
	found, err = b.Validate(ctx, w.options.Overlay)
	if err = errors.Join(inOurWords(err), refused(found, "settings of the overlay", w.report.Warn)); err != nil {
		return Built{}, err
	}
	begun := time.Now()
	result, err := b.Build(ctx, builder.Request{
		BuildID: "run-1", OverlayID: "run", Settings: w.options.Overlay, OutputDir: w.options.Out,
		Secrets: w.options.Secrets, Limits: w.options.Limits, PreviousAnnotations: w.annotations(),
	}, w.report)
	if err != nil {
		return Built{}, inOurWords(err)
	}
	return w.built(result, time.Since(begun))
}

func (w *workshop) built(result builder.Result, took time.Duration) (Built, error) {
	tree, err := sdktest.ReadTree(w.options.Out)
	if err != nil {
		return Built{}, fault.Wrap(err, fault.Precondition, "The tree %s cannot be read: %v.", w.options.Out, err)
	}
	data, err := json.Marshal(result.Annotations)
	if err == nil {
		err = os.WriteFile(w.notes(), data, 0o600)
	}
	return Built{Result: result, Tree: tree, Problems: tree.Unfit(), Took: took}, err
}

func (w *workshop) notes() string { return filepath.Join(w.options.State, "annotations.json") }

// annotations are those of the last run; without one there are none.
func (w *workshop) annotations() map[string]string {
	out := map[string]string{}
	if data, err := os.ReadFile(w.notes()); err == nil {
		_ = json.Unmarshal(data, &out) // a damaged file is as good as none
	}
	return out
}

// refused makes an error of error diagnostics and hands warnings on.
func refused(found []sdk.Diagnostic, what string, warn func(sdk.Diagnostic)) error {
	var first *fault.Error
	for _, d := range found {
		if d.Severity == sdk.SeverityError && first == nil {
			first = fault.New(fault.Invalid, "The %s are refused: %s", what, d.Summary).WithHint("%s", d.Detail).WithField(d.Pointer)
			continue
		}
		warn(d)
	}
	if first == nil {
		return nil
	}
	return first
}

func lastLine(err error) string {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	return strings.TrimSuffix(lines[len(lines)-1], ".")
}
