// Package installation looks after the game itself: immutable releases that lie side by side, one of
// which new starts use.
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
	ID        string // id of the job that made it
	Version   string // as the game says it, "2.2.4.3"; may be ""
	Current   bool   // what new starts use; at most one
	Usage     content.Usage
	CreatedAt time.Time
}

// Layer returns the release as the lowest layer of a mount.
func (r Release) Layer() content.Layer { return content.Layer{Release: r.ID} }

// Reader reads releases. Absent ones are fault.NotFound.
type Reader interface {
	// CurrentRelease: NotFound when nothing is installed yet.
	CurrentRelease(ctx context.Context) (Release, error)
	// Releases, newest first.
	Releases(ctx context.Context) ([]Release, error)
}

// Writer changes releases inside a transaction.
type Writer interface {
	// PutRelease inserts or replaces by ID. A current one takes that from every other.
	PutRelease(ctx context.Context, release Release) error
	DeleteRelease(ctx context.Context, id string) error
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
