package builder

import (
	"context"
	"encoding/json"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/left4me/left4me/sdk"
)

// Option adds something to a builder made by [New].
type Option func(*options)

type options struct {
	capabilities  []string
	wanted        []string
	doc           string
	health        *sdk.HealthReporter
	refineOverlay []func(*jsonschema.Schema)
	plugin        pluginSettings
	forget        func(ctx context.Context, overlayID string) error
	plan          any // planFunc[S]
	validate      any // validateFunc[S]
	describer     Describer
}

// pluginSettings checks and takes the operator's settings of the plugin.
type pluginSettings struct {
	schema    *sdk.Schema
	configure func(ctx context.Context, settings sdk.Settings) ([]sdk.Diagnostic, error)
}

// WithCapabilities names optional abilities, such as [CapabilityIncremental] and [CapabilityNetwork].
func WithCapabilities(names ...string) Option {
	return func(o *options) { o.capabilities = append(o.capabilities, names...) }
}

// WithWantedCapabilities names Linux capabilities such as "CAP_SYS_ADMIN" that the plugin would like.
func WithWantedCapabilities(names ...string) Option {
	return func(o *options) { o.wanted = append(o.wanted, names...) }
}

// WithDoc sets the documentation, in Markdown.
func WithDoc(markdown string) Option {
	return func(o *options) { o.doc = markdown }
}

// WithHealth reports what reporter says instead of always healthy.
func WithHealth(reporter *sdk.HealthReporter) Option {
	return func(o *options) { o.health = reporter }
}

// WithSchema changes the schema of the overlay settings after it was made from the Go type, to say
// what types cannot: enum, minimum, pattern, title, default. The JSON of the outcome must still fit
// the type.
func WithSchema(refine func(schema *jsonschema.Schema)) Option {
	return func(o *options) { o.refineOverlay = append(o.refineOverlay, refine) }
}

// WithExamples adds settings of overlays to the schema that people can start from: forms and documentation show them, and
// "left4me plugin verify" builds the first and then the second. They must fit the schema.
func WithExamples[S any](examples ...S) Option {
	return WithSchema(func(schema *jsonschema.Schema) {
		for _, example := range examples {
			var value any
			if err := json.Unmarshal(must(json.Marshal(example)), &value); err != nil {
				panic("left4me builder: an example is not JSON: " + err.Error())
			}
			schema.Examples = append(schema.Examples, value)
		}
	})
}

// WithPluginSettings gives the plugin settings of its own, in the operator's plugin block. They are
// checked against the schema of P before configure gets them. configure keeps what it needs; the old
// settings stay in force when it returns an error diagnostic. It may be nil. It panics when P has no
// schema.
func WithPluginSettings[P any](
	configure func(ctx context.Context, settings sdk.Settings, typed P) ([]sdk.Diagnostic, error),
	refine ...func(schema *jsonschema.Schema),
) Option {
	decoder := must(sdk.NewDecoder[P](refine...))
	return func(o *options) {
		o.plugin = pluginSettings{
			schema: decoder.Schema(),
			configure: func(ctx context.Context, settings sdk.Settings) ([]sdk.Diagnostic, error) {
				typed, found := decoder.Decode(settings.JSON)
				if sdk.HasErrors(found) || configure == nil {
					return found, nil
				}
				return configure(ctx, settings, typed)
			},
		}
	}
}

// WithPlan adds the ability to plan, for overlay settings of the same type as New's.
func WithPlan[S any](plan func(ctx context.Context, input PlanInput[S]) (Plan, error)) Option {
	return func(o *options) {
		o.plan = planFunc[S](plan)
		o.capabilities = append(o.capabilities, CapabilityPlan)
	}
}

// WithValidate adds checks that a schema cannot express. It sees only settings that fit the schema
// and must be pure.
func WithValidate[S any](validate func(ctx context.Context, settings S) []sdk.Diagnostic) Option {
	return func(o *options) { o.validate = validateFunc[S](validate) }
}

// WithForget lets the builder drop what it keeps for an overlay outside of its content.
func WithForget(forget func(ctx context.Context, overlayID string) error) Option {
	return func(o *options) { o.forget = forget }
}

// must is for mistakes of the plugin's author: they show at the very first start.
func must[T any](value T, err error) T {
	if err != nil {
		panic("left4me builder: " + err.Error())
	}
	return value
}
