// Package installation looks after the game itself: immutable releases that lie side by side, one of
// which new starts use.
//
// A release is made like a revision of an overlay: the mounter stages a tree that shows the present release, a [Source]
// changes it, and the mounter commits the result. A release that servers have mounted is never written to.
package installation

import (
	"context"
	"time"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/job"
)

// Release is one immutable version of the game.
type Release struct {
	ID          string // id of the job that made it
	Version     string // as the game says it, "2.2.4.3"; may be ""
	Build       string // as the source says it, "17033453"; may be ""
	Current     bool   // what new starts use; at most one
	Held        bool   // it is current and stays so: newer releases do not take its place
	Usage       content.Usage
	Annotations map[string]string // the source's own, handed to the next Fetch
	CreatedAt   time.Time
}

// Layer returns the release as the lowest layer of a mount.
func (r Release) Layer() content.Layer { return content.Layer{Release: r.ID} }

// Name says which release it is, for a person.
func (r Release) Name() string {
	switch {
	case r.Version == "" && r.Build == "":
		return r.ID
	case r.Build == "" || r.Build == r.Version:
		return "version " + r.Version
	case r.Version == "":
		return "build " + r.Build
	}
	return "version " + r.Version + " (build " + r.Build + ")"
}

// Knowledge is what is known of updates. It is stored, so that a new agent does not ask the source again at once.
type Knowledge struct {
	CheckedAt time.Time // zero = never
	Newest    string    // build that the source has; "" = not known
	Notes     []string  // what the source said about it, one sentence each
	Problem   string    // why the last check failed; "" = it did not
	HintedAt  time.Time // when a game last said that it is outdated; zero = never
	HintedBy  string    // name of that server
}

// Outdated reports whether the source has another build than release.
func (k Knowledge) Outdated(release Release) bool {
	return k.Newest != "" && release.ID != "" && k.Newest != release.Build
}

// Reader reads releases. Absent ones are fault.NotFound.
type Reader interface {
	// CurrentRelease: NotFound when nothing is installed yet.
	CurrentRelease(ctx context.Context) (Release, error)
	// Releases, newest first.
	Releases(ctx context.Context) ([]Release, error)
	// ReleasePins returns the names of the servers that stay at a release, sorted.
	ReleasePins(ctx context.Context, id string) ([]string, error)
	// Knowledge is zero before the first check.
	Knowledge(ctx context.Context) (Knowledge, error)
}

// Writer changes releases inside a transaction.
type Writer interface {
	// PutRelease inserts or replaces by ID. A current one takes that, and the hold, from every other.
	PutRelease(ctx context.Context, release Release) error
	DeleteRelease(ctx context.Context, id string) error
	PutKnowledge(ctx context.Context, knowledge Knowledge) error
}

// Tx is one transaction of the store.
type Tx interface {
	Reader
	Writer
	job.Tx
	event.Tx
}

// Store keeps releases.
type Store interface {
	Reader
	// Update runs change in one transaction; an error rolls everything back.
	Update(ctx context.Context, change func(Tx) error) error
}
