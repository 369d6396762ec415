package pluginport

import (
	"context"
	"encoding/json"

	"github.com/left4me/left4me/agent/internal/installation"
	"github.com/left4me/left4me/sdk/builder"
)

// annotationVersion is where a builder that makes the game tells its version, as the game says it.
const annotationVersion = "game.version"

// sourceSubject is what the builder knows the installation as, where it would know an overlay by its id.
const sourceSubject = "installation"

// Source makes a builder plugin the source of the game: what it builds becomes a release. Builder is asked anew for
// each call, so the plugin may restart in between. It is safe for concurrent use.
type Source struct {
	Builder func() (builder.Builder, error)
}

var _ installation.Source = Source{}

// Fresh reports that a builder changes the present release.
func (Source) Fresh() bool { return false }

// Fetch implements installation.Source.
func (s Source) Fetch(ctx context.Context, request installation.Request, report installation.Report) (installation.Fetched, error) {
	b, err := s.Builder()
	if err != nil {
		return installation.Fetched{}, err
	}
	settings := json.RawMessage("{}")
	if request.Verify {
		settings = json.RawMessage(`{"verify":true}`)
	}
	relay := relay{events: report, stdout: report.Writer("stdout"), stderr: report.Writer("stderr")}
	result, err := b.Build(ctx, builder.Request{BuildID: request.Build, OverlayID: sourceSubject, Settings: settings, OutputDir: request.Dir,
		PreviousAnnotations: request.Present.Annotations}, relay)
	return installation.Fetched{Unchanged: result.Unchanged, Version: result.Annotations[annotationVersion], Build: result.CacheKey,
		Annotations: result.Annotations}, explain(err)
}

// Newest implements installation.Source.
func (s Source) Newest(ctx context.Context, present installation.Release) (installation.Newest, error) {
	b, err := s.Builder()
	if err != nil {
		return installation.Newest{}, err
	}
	plan, err := b.Plan(ctx, builder.PlanRequest{OverlayID: sourceSubject, Settings: json.RawMessage("{}"), PreviousAnnotations: present.Annotations})
	return installation.Newest{Build: plan.CacheKey, Notes: plan.Summary}, explain(err)
}
