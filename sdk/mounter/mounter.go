// Package mounter is the plugin kind "mounter": it owns the content tree on disk and realises mounts.
//
// Callers name things by id only. An id is 1 to [MaxID] characters of a-z, 0-9 and "-" and starts
// with a letter or digit; see [ValidID]. The mounter turns ids into directories beneath roots from its
// own configuration. Every call is idempotent and says what it found.
//
// Life of content: Stage makes a tree that a builder may write, Commit admits it as an immutable
// revision or release, Mount stacks revisions over a release for a server. Nothing below a mount is
// ever changed.
package mounter

import (
	"context"
)

// MaxID is the longest id, in bytes.
const MaxID = 64

// Mounter owns content and mounts. Implementations are safe for concurrent use and serialise calls
// about the same thing themselves. Errors are *sdk.Error: invalid for malformed ids, not_found for
// absent layers, conflict when something exists in another form, precondition when it is in use.
type Mounter interface {
	Probe(ctx context.Context) (Probe, error)
	Stager
	Stacker
	Content
	Browser
	Upper
}

// Stager makes revisions and releases.
type Stager interface {
	// Stage prepares a tree that shows base, or nothing when base is zero.
	Stage(ctx context.Context, build string, base Layer) (Staging, error)
	// Commit admits the tree of build and makes it target, which must not exist unless it was
	// committed from the same build. A refused tree (invalid) stays staged.
	Commit(ctx context.Context, request CommitRequest) (Commit, error)
	// Discard removes a staging tree and tells whether there was one.
	Discard(ctx context.Context, build string) (existed bool, err error)
}

// Stacker mounts servers.
type Stacker interface {
	// Mount makes the server's tree from lowers, highest precedence first.
	Mount(ctx context.Context, server string, lowers []Layer) (mount Mount, existed bool, err error)
	// Unmount ends the server's tree. Busy is precondition and names the holders, unless lazy.
	Unmount(ctx context.Context, server string, lazy bool) (wasMounted bool, err error)
	// WriteFiles writes into the tree if it is mounted, else into the upper. Each file atomically.
	WriteFiles(ctx context.Context, server string, files []File) error
	// Mounts reads the kernel's table, sorted by server.
	Mounts(ctx context.Context) ([]Mount, error)
	// Watch reports present mounts as EventCurrent, then changes, until ctx ends or report fails.
	Watch(ctx context.Context, report func(Event, Mount) error) error
}

// Content looks after what is on disk.
type Content interface {
	// Diff reports what changed between two revisions, sorted by path. from "" compares with nothing.
	Diff(ctx context.Context, overlay, from, to string, report func(Change) error) error
	// List reports all content that is on disk, whoever made it.
	List(ctx context.Context, report func(Ref) error) error
	// Usage measures, also a build that is being written to. A layer with an overlay alone stands for all
	// its revisions together, each file counted once however many of them hold it.
	Usage(ctx context.Context, ref Ref) (Usage, error)
	// Remove deletes content. Absent is fine; in use by a mount is precondition. reset applies to a
	// server: its upper and work become empty and it goes on existing.
	Remove(ctx context.Context, ref Ref, reset bool) (existed bool, err error)
}

// MaxRead is the most that one ReadFile gives, in bytes.
const MaxRead = 1 << 20

// Browser shows what layers hold. A path is relative and slash separated, without "." and ".." elements
// (see [CheckPath]), and is looked up in the layer alone: links are not followed. An absent layer or path
// is not_found; a file that is none, or a directory that is none, is precondition.
type Browser interface {
	// ReadFile gives up to length bytes of a regular file from offset on, and the size of the whole file.
	// What it gives is shorter than length only at the end. length is 0 to MaxRead.
	ReadFile(ctx context.Context, layer Layer, path string, offset, length int64) (data []byte, size int64, err error)
	// ReadDir reports the entries of a directory, sorted by name. path "" is the top of the layer.
	ReadDir(ctx context.Context, layer Layer, path string, report func(Entry) error) error
}

// Upper shows and mends what a server wrote itself. Paths are those of [Browser] and looked up in the upper alone. The
// game can change its upper at any moment, so nothing in it is followed or trusted. A server that never wrote has an
// empty upper; its absence is not_found.
type Upper interface {
	// ReadUpperFile is ReadFile for the upper of a server. A deletion there is precondition, as something of another kind.
	ReadUpperFile(ctx context.Context, server, path string, offset, length int64) (data []byte, size int64, err error)
	// ReadUpperDir is ReadDir for the upper of a server. opaque tells that the directory itself, or one on the way to
	// it, hides all that the layers below have there. A deletion or something else on the way is precondition; more
	// entries than the mounter lists are conflict, and then none is reported.
	ReadUpperDir(ctx context.Context, server, path string, report func(Entry) error) (opaque bool, err error)
	// RemovePath removes a path with all below it from the upper of a server that is not mounted (precondition), so
	// that the layers below show again. Links are removed and not followed. Absent is fine.
	RemovePath(ctx context.Context, server, path string) (existed bool, err error)
}

// Probe is what the mounter found out by trying.
type Probe struct {
	Filesystem string // "overlay" for kernel overlayfs
	MaxLayers  int
	Features   map[string]string
	// MaxBytes and MaxFiles bound one revision or release; 0 = nothing does.
	MaxBytes, MaxFiles uint64
}

// Layer is one read-only layer: either a revision (Overlay and Revision set) or a release.
type Layer struct {
	Overlay  string
	Revision string
	Release  string
}

// IsZero reports whether l names nothing.
func (l Layer) IsZero() bool { return l == Layer{} }

// String returns "overlay/revision", "release:id" or "".
func (l Layer) String() string {
	switch {
	case l.Release != "":
		return "release:" + l.Release
	case l.Overlay != "":
		return l.Overlay + "/" + l.Revision
	}
	return ""
}

// Ref names one piece of content: a layer, a server or a build. Exactly one is set.
type Ref struct {
	Layer  Layer
	Server string
	Build  string
}

// Staging is a tree that a builder may write to.
type Staging struct {
	Path    string
	Resumed bool // it was there before the call
}

// CommitRequest asks to admit a staging tree. Zero limits mean the mounter's own.
type CommitRequest struct {
	Build    string
	Target   Layer
	MaxBytes uint64
	MaxFiles uint64
}

// Commit is the outcome of a commit. The counts compare with the base that was staged.
type Commit struct {
	Usage                   Usage
	Added, Removed, Changed uint64
	Notes                   []string // what admission mended, at most 100
	Existed                 bool     // committed by an earlier call
}

// Usage of one piece of content. Shared bytes are in files that other content holds too.
type Usage struct {
	Files       uint64
	Bytes       uint64
	SharedBytes uint64
}

// Mount is a server's tree as the kernel has it.
type Mount struct {
	Server      string
	Fingerprint string // equal stacks have equal fingerprints
	Path        string
	Foreign     bool // there, but not in the form this mounter makes
	Lowers      []Layer
	Notes       []string // answer of Mount only: what a person should know, at most MaxNotes
}

// Event tells why Watch reports a mount.
type Event string

// Events of Watch.
const (
	EventCurrent  Event = "current"
	EventAppeared Event = "appeared"
	EventGone     Event = "gone"
)

// File is a generated file. Path is relative and slash separated, without "." and ".." elements.
type File struct {
	Path   string
	Data   []byte
	Secret bool // readable by the game and the mounter only
}

// ChangeKind of a [Change].
type ChangeKind string

// Kinds of change.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
)

// Change is one line of a diff. Size is after the change, before it for a removed file.
type Change struct {
	Kind ChangeKind
	Path string
	Size uint64
}

// EntryKind says what an [Entry] is.
type EntryKind string

// Kinds of entry. Layers hold files, directories and links; uppers hold anything.
const (
	RegularFile EntryKind = "file"
	Directory   EntryKind = "directory"
	Link        EntryKind = "link"
	// Whiteout is a deletion: it hides what the layers below have under its name.
	Whiteout EntryKind = "whiteout"
	// Other is a pipe, socket or device, which nothing opens.
	Other EntryKind = "other"
)

// Entry is one entry of a directory. Size is 0 unless it is a file. Over the wire, bytes of a name that are not UTF-8
// become U+FFFD.
type Entry struct {
	Name   string
	Kind   EntryKind
	Size   int64
	Opaque bool // a directory of an upper that hides all that the layers below have in it
}

// ValidID reports whether id has the strict form that every request needs.
func ValidID(id string) bool {
	if id == "" || len(id) > MaxID || id[0] == '-' {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
