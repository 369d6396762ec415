// Package overlay looks after overlays: named content that a builder plugin makes and that servers
// stack below their own tree.
//
// An overlay has settings for its builder and a line of immutable revisions. A build is a job: it
// stages the present revision, lets the builder change the staging tree, and commits the result as a
// new revision. Whatever fails leaves the present revision as it was. The id of a build, of its staging tree
// and of the revision it makes is the id of its job, so what a crash left behind can be told apart from
// content that nobody knows.
package overlay

import (
	"context"
	"encoding/json"
	"time"

	"github.com/left4me/left4me/agent/internal/addon"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/job"
)

// Overlay is named, built, read-only content.
type Overlay struct {
	ID        string
	Name      string // unique
	Type      string // name of the builder plugin in the config
	Settings  json.RawMessage
	System    bool   // readable by all accounts
	Owner     string // "" is the system
	Revision  string // what new starts use; "" = never built
	LastJob   string // id of its newest build job
	DiskBytes uint64 // all its revisions, each shared file once; 0 = not measured yet
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Revision is one immutable build result.
type Revision struct {
	Overlay     string // id
	ID          string // id of the job that made it
	Usage       content.Usage
	Added       uint64
	Removed     uint64
	Changed     uint64
	Notes       []string
	Annotations map[string]string // the builder's own, handed to the next build
	Addons      []addon.File      // that it was committed with
	CacheKey    string
	Pinned      bool // a person wants it kept
	CreatedAt   time.Time
}

// Layer returns the revision as a layer of a mount.
func (r Revision) Layer() content.Layer { return content.Layer{Overlay: r.Overlay, Revision: r.ID} }

// Reader reads overlays. Absent ones are fault.NotFound with a message that names them.
type Reader interface {
	OverlayByName(ctx context.Context, name string) (Overlay, error)
	OverlayByID(ctx context.Context, id string) (Overlay, error)
	// Overlays are sorted by name.
	Overlays(ctx context.Context) ([]Overlay, error)
	// Revisions of one overlay, newest first.
	Revisions(ctx context.Context, overlayID string) ([]Revision, error)
	// OverlayUsers returns the names of the blueprints that list the overlay, sorted.
	OverlayUsers(ctx context.Context, overlayID string) ([]string, error)
}

// Writer changes overlays inside a transaction.
type Writer interface {
	// PutOverlay inserts or replaces by ID. Conflict: the name is taken.
	PutOverlay(ctx context.Context, overlay Overlay) error
	// UnlistOverlay takes the overlay out of all blueprints.
	UnlistOverlay(ctx context.Context, id string) error
	// DeleteOverlay removes the row and its revisions. Precondition: a blueprint lists it.
	DeleteOverlay(ctx context.Context, id string) error
	AddRevision(ctx context.Context, revision Revision) error
	// PutRevision stores Pinned and Usage of a revision; an unknown one is fine.
	PutRevision(ctx context.Context, revision Revision) error
	DeleteRevision(ctx context.Context, overlayID, id string) error
}

// Tx is one transaction of the store.
type Tx interface {
	Reader
	Writer
	job.Tx
	event.Tx
}

// Store keeps overlays.
type Store interface {
	Reader
	// Update runs change in one transaction; an error rolls everything back.
	Update(ctx context.Context, change func(Tx) error) error
}
