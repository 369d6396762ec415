package pluginport

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/overlay"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// Builder makes a builder plugin look like overlay.Builder. It is safe for concurrent use.
type Builder struct {
	builder.Builder
}

var (
	_ overlay.Builder   = Builder{}
	_ overlay.Describer = Builder{}
)

// Validate implements overlay.Builder.
func (p Builder) Validate(ctx context.Context, settings json.RawMessage) ([]overlay.Finding, error) {
	diagnostics, err := p.Builder.Validate(ctx, settings)
	findings := make([]overlay.Finding, len(diagnostics))
	for i, d := range diagnostics {
		findings[i] = overlay.Finding{Error: d.Severity == sdk.SeverityError, Summary: d.Summary, Detail: d.Detail, Pointer: d.Pointer}
	}
	return findings, explain(err)
}

// Build implements overlay.Builder.
func (p Builder) Build(ctx context.Context, request overlay.Request, events overlay.Events) (overlay.Outcome, error) {
	relay := relay{events: events, stdout: events.Writer("stdout"), stderr: events.Writer("stderr")}
	result, err := p.Builder.Build(ctx, builder.Request{BuildID: request.Build, OverlayID: request.Overlay,
		Settings: request.Settings, OutputDir: request.OutputDir, PreviousAnnotations: request.Annotations}, relay)
	out := overlay.Outcome{Unchanged: result.Unchanged, CacheKey: result.CacheKey, Annotations: result.Annotations}
	for _, change := range result.Changes {
		out.Changes = append(out.Changes, overlay.ItemChange{Kind: string(change.Kind), ID: change.ID, Title: change.Title,
			From: change.From, To: change.To, Reason: change.Reason})
	}
	return out, explain(err)
}

// relay passes a builder's events into a job log.
type relay struct {
	events         overlay.Events
	stdout, stderr io.Writer
}

func (r relay) Progress(p builder.Progress) {
	r.events.Progress(job.Progress{Phase: p.Phase, Unit: string(p.Unit), Done: p.Done, Total: p.Total, Message: p.Message})
}

func (r relay) Log(level, message string) { r.events.Logf(level, "%s", message) }

func (r relay) Output(stream builder.Stream, data []byte) {
	w := r.stdout
	if stream == builder.Stderr {
		w = r.stderr
	}
	// A job log never fails: it cuts what is too much.
	_, _ = w.Write(data)
}

func (r relay) Diagnostic(d sdk.Diagnostic) {
	level := "warn"
	if d.Severity == sdk.SeverityError {
		level = "error"
	}
	text := d.Summary
	if d.Detail != "" {
		text += " " + d.Detail
	}
	r.events.Logf(level, "%s", text)
}

// Forget implements overlay.Builder.
func (p Builder) Forget(ctx context.Context, overlayID string) error {
	return explain(p.Builder.Forget(ctx, overlayID))
}

// Describe implements overlay.Describer.
func (p Builder) Describe(ctx context.Context, overlayID string, items []string) ([]overlay.Description, error) {
	describer, ok := p.Builder.(builder.Describer)
	if !ok {
		return nil, nil
	}
	list, err := describer.Describe(ctx, overlayID, items[:min(len(items), builder.MaxDescribed)])
	if errors.Is(err, builder.ErrNoDescription) {
		return nil, nil
	}
	out := make([]overlay.Description, len(list))
	for i, d := range list {
		out[i] = overlay.Description(d)
	}
	return out, explain(err)
}

// Picture implements overlay.Describer.
func (p Builder) Picture(ctx context.Context, overlayID, item string) ([]byte, error) {
	describer, ok := p.Builder.(builder.Describer)
	if !ok {
		return nil, fault.New(fault.NotFound, "The builder has no pictures.")
	}
	data, err := describer.Picture(ctx, overlayID, item)
	if errors.Is(err, builder.ErrNoDescription) {
		return nil, fault.New(fault.NotFound, "The builder has no pictures.")
	}
	return data, explain(err)
}
