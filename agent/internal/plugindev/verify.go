package plugindev

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/sdktest"
)

// VerifyOptions say what the suite builds. Settings that are nil are taken from the examples in the plugin's schemas.
type VerifyOptions struct {
	Settings json.RawMessage   // the operator's; {dir} in it stands for a directory of the check
	Overlay  json.RawMessage   // of an overlay that can be built
	Changed  json.RawMessage   // of another one
	Endless  json.RawMessage   // of one whose build lasts until it is canceled
	Secrets  map[string]string // of the plugin and of every overlay
	Unstable bool              // two builds of the same settings may differ
	Only     []string          // ids of checks; empty means all
}

// Verify holds a program against every check of its kind and calls report after each. It starts the program several dozen
// times, as the agent does.
func Verify(ctx context.Context, program Program, options VerifyOptions, report func(sdktest.Outcome)) (sdk.Description, error) {
	d, err := program.Describe(ctx)
	if err != nil {
		return d, err
	}
	only, err := selected(d.Kind, options.Only)
	if err != nil {
		return d, err
	}
	command, err := program.command()
	if err != nil {
		return d, err
	}
	if options.Settings == nil {
		options.Settings, err = example(d.PluginSchema, 0, "plugin", "--settings")
		if err != nil {
			return d, err
		}
	}
	subject := sdktest.Subject{
		Command:  &command,
		Secrets:  options.Secrets,
		Settings: func(dir string) json.RawMessage { return fill(options.Settings, dir) },
	}
	if d.Kind == sdk.KindMounter {
		return d, sdktest.VerifyMounter(ctx, sdktest.MounterSpec{Subject: subject}, only, report)
	}
	spec := sdktest.BuilderSpec{Subject: subject, Overlay: options.Overlay, Changed: options.Changed, Endless: options.Endless, Unstable: options.Unstable}
	if spec.Overlay == nil {
		if spec.Overlay, err = example(d.OverlaySchema, 0, "overlay", "--overlay"); err != nil {
			return d, err
		}
		if spec.Changed == nil {
			spec.Changed, _ = example(d.OverlaySchema, 1, "overlay", "") // without a second one some checks say less
		}
	}
	return d, sdktest.VerifyBuilder(ctx, spec, only, report)
}

// example returns the n-th example of a schema.
func example(schema json.RawMessage, n int, whose, flag string) (json.RawMessage, error) {
	examples := sdktest.Examples(schema)
	if len(examples) <= n {
		return nil, fault.New(fault.Invalid, "The schema of the %s's settings has no example that fits it.", whose).
			WithHint("Add one to the schema (builder.WithExamples), or give settings with %s.", flag)
	}
	return examples[n], nil
}

// selected returns the filter for ids of checks.
func selected(kind sdk.KindName, ids []string) (func(sdktest.Check) bool, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var known []string
	for _, c := range sdktest.Checks(kind) {
		known = append(known, c.ID)
	}
	for _, id := range ids {
		if !slices.Contains(known, id) {
			return nil, fault.New(fault.Invalid, "There is no check %q for a %s.", id, kind).WithHint("They are: %s.", strings.Join(known, ", "))
		}
	}
	return func(c sdktest.Check) bool { return slices.Contains(ids, c.ID) }, nil
}
