package installation

import (
	"context"
	"io"

	"github.com/left4me/left4me/agent/internal/job"
)

// Source fetches the game. Implementations write below the request's Dir only.
type Source interface {
	// Fresh reports whether Fetch wants an empty tree instead of one that shows the present release.
	Fresh() bool
	// Fetch brings the tree to what the source has.
	Fetch(ctx context.Context, request Request, report Report) (Fetched, error)
	// Newest says what the source has now. present is zero when nothing is installed.
	Newest(ctx context.Context, present Release) (Newest, error)
}

// Request asks a Source for the game.
type Request struct {
	Build   string  // id of this attempt
	Dir     string  // the staging tree
	Present Release // what Dir shows; zero = nothing
	Verify  bool    // have every file checked, also when nothing is new
}

// Fetched is what Dir holds after a Fetch.
type Fetched struct {
	Unchanged   bool // the present release is what the source has, and Dir was not changed
	Version     string
	Build       string
	Annotations map[string]string
}

// Newest is what a source has.
type Newest struct {
	Build string   // equal builds are equal content; "" = the source cannot say
	Notes []string // one sentence each
}

// Report receives what a Source has to say.
type Report interface {
	Progress(progress job.Progress)
	Logf(level, format string, args ...any)
	// Writer takes raw output; level is "stdout" or "stderr".
	Writer(level string) io.Writer
}
