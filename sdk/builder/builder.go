// Package builder is the plugin kind "builder": a plugin that makes the content of overlays.
//
// [Builder] is the contract in plain Go. A plugin author rarely implements it by hand: [New] makes
// one from a typed settings struct and a build function. [NewClient] is the same contract as seen by
// the host over gRPC, so whatever passes the conformance suite in package sdktest can be swapped.
package builder

import (
	"context"
	"encoding/json"
	"time"

	"github.com/left4me/left4me/sdk"
)

// Capabilities of builders.
const (
	CapabilityPlan        = "build.plan"        // implements Plan
	CapabilityIncremental = "build.incremental" // keeps and reuses what a previous revision holds
	CapabilityNetwork     = "build.network"     // needs the network
	// CapabilityRefresh: a build with the same settings looks for newer content at its source and costs little when there
	// is none, so the host may build all overlays every day.
	CapabilityRefresh = "build.refresh"
)

// MaxOutput is the largest Output chunk, in bytes.
const MaxOutput = 32 << 10

// Builder makes overlay content. Implementations are safe for concurrent use; builds of different
// overlays run at the same time, never two of the same overlay.
type Builder interface {
	// Validate checks an overlay's settings. It is pure: no network, no writes.
	Validate(ctx context.Context, settings json.RawMessage) ([]sdk.Diagnostic, error)
	// Plan says what Build would make. Without CapabilityPlan it returns ErrNoPlan.
	Plan(ctx context.Context, request PlanRequest) (Plan, error)
	// Build changes the tree at Request.OutputDir. Canceling ctx cancels the build: it returns
	// CodeCanceled within two seconds and leaves no process behind. Events arrive in order, from one
	// goroutine at a time.
	Build(ctx context.Context, request Request, events Events) (Result, error)
	// Forget drops what is kept for an overlay outside its content. Idempotent; unknown ids are fine.
	Forget(ctx context.Context, overlayID string) error
}

// ErrNoPlan is returned by Plan when the builder lacks CapabilityPlan.
var ErrNoPlan = sdk.Errorf(sdk.CodePrecondition, "This builder cannot plan.")

// PlanRequest asks what a build would make.
type PlanRequest struct {
	OverlayID           string
	Settings            json.RawMessage
	Secrets             map[string]string
	PreviousAnnotations map[string]string
}

// Plan is the answer to a PlanRequest.
type Plan struct {
	CacheKey       string // equal keys promise equal content; "" promises nothing
	EstimatedBytes uint64 // 0 = unknown
	Summary        []string
}

// Request asks for one build.
type Request struct {
	BuildID   string // unique per attempt
	OverlayID string // stable over the overlay's life
	Settings  json.RawMessage
	// OutputDir is the staging tree: it shows the previous revision, or nothing for a first or wiped
	// build. It is the only place for content.
	OutputDir           string
	Secrets             map[string]string
	Limits              Limits
	PreviousAnnotations map[string]string
}

// Limits of one build. Zero means no limit.
type Limits struct {
	MaxBytes uint64
	MaxFiles uint64
	MaxTime  time.Duration
}

// Result ends a successful build.
type Result struct {
	CacheKey    string
	Unchanged   bool // the previous revision is still right and OutputDir was not changed
	Bytes       uint64
	Files       uint64
	Annotations map[string]string // kept with the revision, handed to the next build
	Changes     []Change          // at most MaxChanges are kept, failures first
}

// MaxChanges is how many changes a result can name.
const MaxChanges = 1000

// ChangeKind says what became of a part.
type ChangeKind string

// Kinds of change.
const (
	Added   ChangeKind = "added"
	Updated ChangeKind = "updated"
	Removed ChangeKind = "removed"
	Failed  ChangeKind = "failed" // it should be there and is not, or only in an older version
)

// Change is what became of one part of the content, such as a download. From and To are versions.
type Change struct {
	Kind   ChangeKind
	ID     string
	Title  string
	From   string
	To     string
	Reason string // why it failed, as a phrase: "is private"
}

// Unit of a Progress.
type Unit string

// Units.
const (
	Bytes Unit = "bytes"
	Files Unit = "files"
	Steps Unit = "steps"
)

// Progress of a build. Done never goes back within a phase and is at most Total.
type Progress struct {
	Phase   string
	Unit    Unit
	Done    uint64
	Total   uint64 // 0 = unknown
	Message string
}

// Stream tells where output of a child process came from.
type Stream string

// Streams.
const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
)

// Events receives what a build reports. The methods are safe for concurrent use and block while
// the host is slow; they never drop and never fail.
type Events interface {
	Progress(progress Progress)
	Log(level, message string) // level: debug, info, warn, error
	Output(stream Stream, data []byte)
	Diagnostic(diagnostic sdk.Diagnostic)
}
