package builder

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/left4me/left4me/sdk"
)

// New returns a builder plugin made of one function. S is the type of an overlay's settings: a struct
// with json tags, from which the plugin's schema is made (see sdk.NewDecoder). build runs once per
// build, for different overlays at the same time; it must end soon after ctx does.
//
// New panics when S has no schema or an option is for another type: mistakes of the author, which
// show as soon as the plugin is started with "describe".
func New[S any](
	name, version string, build func(ctx context.Context, b *Build[S]) error, opts ...Option,
) *Plugin {
	var o options
	for _, option := range opts {
		option(&o)
	}
	if o.health == nil {
		o.health = &sdk.HealthReporter{}
	}
	if o.plugin.configure == nil {
		WithPluginSettings[struct{}](nil)(&o)
	}
	t := &typed[S]{
		build:    build,
		plan:     hook[planFunc[S]](o.plan, "WithPlan"),
		validate: hook[validateFunc[S]](o.validate, "WithValidate"),
		forget:   o.forget,

		describer: o.describer,

		decoder: must(sdk.NewDecoder[S](o.refineOverlay...)),
		plugin:  o.plugin,

		HealthReporter: o.health,
	}
	t.info = sdk.Info{
		Name:               name,
		Version:            version,
		Kind:               sdk.KindBuilder,
		Capabilities:       slices.Compact(slices.Sorted(slices.Values(o.capabilities))),
		WantedCapabilities: o.wanted,
		PluginSchema:       must(json.Marshal(o.plugin.schema)),
		OverlaySchema:      must(json.Marshal(t.decoder.Schema())),
		Doc:                o.doc,
	}
	return Of(t, t)
}

// hook returns the function that an option kept, or the zero F if there was none.
func hook[F any](value any, option string) F {
	f, ok := value.(F)
	if !ok && value != nil {
		panic(fmt.Sprintf("left4me builder: %s is for settings of another type: %T", option, value))
	}
	return f
}

// typed is the sdk.Base and Builder of a plugin made by New.
type typed[S any] struct {
	*sdk.HealthReporter
	info     sdk.Info
	build    buildFunc[S]
	plan     planFunc[S]
	validate validateFunc[S]
	forget   func(ctx context.Context, overlayID string) error

	describer Describer

	decoder *sdk.Decoder[S]
	plugin  pluginSettings

	mu         sync.Mutex
	configured sdk.Settings
}

// Info implements sdk.Base.
func (t *typed[S]) Info(context.Context) (sdk.Info, error) { return t.info, nil }

// Configure implements sdk.Base.
func (t *typed[S]) Configure(ctx context.Context, settings sdk.Settings) ([]sdk.Diagnostic, error) {
	found, err := t.plugin.configure(ctx, settings)
	if err == nil && !sdk.HasErrors(found) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.configured = settings
	}
	return found, err
}

// Drain implements sdk.Base. Calls are drained by the SDK, and nothing runs outside of a call.
func (t *typed[S]) Drain(context.Context, time.Duration) (int, error) { return 0, nil }

// Validate implements Builder.
func (t *typed[S]) Validate(ctx context.Context, settings json.RawMessage) ([]sdk.Diagnostic, error) {
	_, found := t.decode(ctx, settings)
	return found, nil
}

// Plan implements Builder.
func (t *typed[S]) Plan(ctx context.Context, request PlanRequest) (Plan, error) {
	if t.plan == nil {
		return Plan{}, ErrNoPlan
	}
	settings, found := t.decode(ctx, request.Settings)
	if err := asError(found); err != nil {
		return Plan{}, err
	}
	return t.plan(ctx, PlanInput[S]{
		OverlayID:           request.OverlayID,
		Settings:            settings,
		Secrets:             request.Secrets,
		PreviousAnnotations: request.PreviousAnnotations,
		Plugin:              t.settings(),
	})
}

// Forget implements Builder.
func (t *typed[S]) Forget(ctx context.Context, overlayID string) error {
	if t.forget == nil {
		return nil
	}
	return t.forget(ctx, overlayID)
}

func (t *typed[S]) decode(ctx context.Context, settings json.RawMessage) (S, []sdk.Diagnostic) {
	value, found := t.decoder.Decode(settings)
	if !sdk.HasErrors(found) && t.validate != nil {
		found = append(found, t.validate(ctx, value)...)
	}
	return value, found
}

func (t *typed[S]) settings() sdk.Settings {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.configured
}

// asError returns the first error of diagnostics, or nil.
func asError(found []sdk.Diagnostic) error {
	for _, d := range found {
		if d.Severity != sdk.SeverityWarning {
			return sdk.Errorf(sdk.CodeInvalid, "%s", d.Summary).WithHint(d.Detail).WithField(d.Pointer)
		}
	}
	return nil
}
