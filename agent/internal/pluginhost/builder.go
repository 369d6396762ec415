package pluginhost

import (
	"context"
	"encoding/json"
	"time"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// Limits of calls whose work is bounded by nature. Long work ends by its caller's context, or by the
// health check when the plugin hangs.
const (
	shortCall  = 10 * time.Second
	mediumCall = time.Minute
	planCall   = 5 * time.Minute
)

// hostedBuilder is a builder plugin that stays valid while the plugin is restarted.
type hostedBuilder struct{ s *supervisor }

type none struct{}

// Validate implements builder.Builder.
func (b hostedBuilder) Validate(ctx context.Context, settings json.RawMessage) ([]sdk.Diagnostic, error) {
	found, err := call(ctx, b.s, shortCall, func(ctx context.Context, i *instance) ([]sdk.Diagnostic, error) {
		return i.builder.Validate(ctx, settings)
	})
	return cleanDiagnostics(found), err
}

// Plan implements builder.Builder.
func (b hostedBuilder) Plan(ctx context.Context, request builder.PlanRequest) (builder.Plan, error) {
	plan, err := call(ctx, b.s, planCall, func(ctx context.Context, i *instance) (builder.Plan, error) {
		return i.builder.Plan(ctx, request)
	})
	for n, line := range plan.Summary {
		plan.Summary[n] = clean(line, maxSentence)
	}
	return plan, err
}

// Build implements builder.Builder.
func (b hostedBuilder) Build(ctx context.Context, request builder.Request, events builder.Events) (builder.Result, error) {
	return call(ctx, b.s, 0, func(ctx context.Context, i *instance) (builder.Result, error) {
		return i.builder.Build(ctx, request, cleanEvents{events})
	})
}

// Forget implements builder.Builder.
func (b hostedBuilder) Forget(ctx context.Context, overlayID string) error {
	_, err := call(ctx, b.s, mediumCall, func(ctx context.Context, i *instance) (none, error) {
		return none{}, i.builder.Forget(ctx, overlayID)
	})
	return err
}

// Describe implements builder.Describer.
func (b hostedBuilder) Describe(ctx context.Context, overlayID string, items []string) ([]builder.Description, error) {
	list, err := call(ctx, b.s, shortCall, func(ctx context.Context, i *instance) ([]builder.Description, error) {
		return i.builder.(builder.Describer).Describe(ctx, overlayID, items) // every client is one
	})
	for n := range list {
		list[n].Author, list[n].Picture = clean(list[n].Author, maxWord), clean(list[n].Picture, maxWord)
	}
	return list, err
}

// Picture implements builder.Describer.
func (b hostedBuilder) Picture(ctx context.Context, overlayID, item string) ([]byte, error) {
	return call(ctx, b.s, shortCall, func(ctx context.Context, i *instance) ([]byte, error) {
		return i.builder.(builder.Describer).Picture(ctx, overlayID, item)
	})
}

// cleanEvents bounds the texts of a build. Output stays as it is: it comes in pieces, and the job's log
// cleans whole lines.
type cleanEvents struct{ to builder.Events }

func (e cleanEvents) Progress(p builder.Progress) {
	p.Phase, p.Message = clean(p.Phase, maxWord), clean(p.Message, maxSentence)
	e.to.Progress(p)
}

func (e cleanEvents) Log(level, message string) { e.to.Log(level, clean(message, maxLogText)) }

func (e cleanEvents) Output(stream builder.Stream, data []byte) { e.to.Output(stream, data) }

func (e cleanEvents) Diagnostic(d sdk.Diagnostic) { e.to.Diagnostic(cleanDiagnostic(d)) }
