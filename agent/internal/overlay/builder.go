package overlay

import (
	"context"
	"encoding/json"
	"io"

	"github.com/left4me/left4me/agent/internal/job"
)

// Type is what overlays can be made with: an enabled builder plugin.
type Type struct {
	Name   string // the plugin's name in the config
	Doc    string // Markdown
	Schema json.RawMessage
	// Refresh tells that a build without a change of settings looks for newer content at its source, and costs little
	// when there is none.
	Refresh bool
}

// Finding is what a builder says about settings.
type Finding struct {
	Error   bool // else a warning
	Summary string
	Detail  string
	Pointer string // RFC 6901, into the settings
}

// Request asks a builder for one build.
type Request struct {
	Build       string // id of this attempt
	Overlay     string // id
	Settings    json.RawMessage
	OutputDir   string            // shows the present revision, or nothing
	Annotations map[string]string // of the present revision
}

// Outcome ends a successful build.
type Outcome struct {
	Unchanged   bool // the present revision is still right
	CacheKey    string
	Annotations map[string]string
	Changes     []ItemChange // as far as the builder names the parts of its content
}

// ItemChange is what became of one part of an overlay's content, such as a Workshop item.
type ItemChange struct {
	Kind   string `json:"kind"` // added, updated, removed, failed
	ID     string `json:"id"`
	Title  string `json:"title,omitempty"`
	From   string `json:"from,omitempty"` // version before
	To     string `json:"to,omitempty"`   // version now
	Reason string `json:"reason,omitempty"`
}

// Events receives what a build reports, in order.
type Events interface {
	Progress(progress job.Progress)
	Logf(level, format string, args ...any)
	// Writer takes raw output; level is "stdout" or "stderr".
	Writer(level string) io.Writer
}

// Builder makes the content of overlays of one type. Errors are faults whose source is the plugin.
type Builder interface {
	Validate(ctx context.Context, settings json.RawMessage) ([]Finding, error)
	Build(ctx context.Context, request Request, events Events) (Outcome, error)
	Forget(ctx context.Context, overlayID string) error
}

// Builders finds builders by overlay type.
type Builders interface {
	// Types lists the enabled ones, sorted by name, also those that are down at the moment.
	Types(ctx context.Context) []Type
	// Builder is Precondition when no enabled plugin has that name.
	Builder(name string) (Builder, error)
}

// Jobs is what is needed of the job engine besides queuing in a transaction.
type Jobs interface {
	// Wake makes the engine look for queued jobs. Call it after a commit that queued one.
	Wake()
	// List returns what filter selects, newest first.
	List(ctx context.Context, filter job.Filter) ([]job.Job, error)
}
