// Package content names what lies on disk and what the kernel has mounted: layers, servers' trees and
// staging trees, by id. The mounter plugin alone turns ids into directories.
//
// The types mirror the mounter protocol (package sdk/mounter) without its wire, so that the domain
// depends on no plugin library. Methods say which errors they return as [fault] codes.
package content

import (
	"context"
	"strings"
)

// Layer is one read-only layer: a revision of an overlay, or a release of the game.
type Layer struct {
	Overlay  string `json:"overlay,omitempty"`
	Revision string `json:"revision,omitempty"`
	Release  string `json:"release,omitempty"`
}

// IsZero reports whether l names nothing.
func (l Layer) IsZero() bool { return l == Layer{} }

// Ref names one piece of content. Exactly one field is set. [Ref.String] is its form for people.
type Ref struct {
	Layer  Layer
	Server string
	Build  string
}

// String is the ref's name for people, which ParseRef takes back: "overlay/…/…", "release/…", "server/…" or
// "build/…".
func (r Ref) String() string {
	switch {
	case r.Build != "":
		return "build/" + r.Build
	case r.Server != "":
		return "server/" + r.Server
	case r.Layer.Release != "":
		return "release/" + r.Layer.Release
	}
	return "overlay/" + r.Layer.Overlay + "/" + r.Layer.Revision
}

// ParseRef reads what String wrote. Whether the ids have the mounter's form is checked by the mounter.
func ParseRef(text string) (ref Ref, ok bool) {
	kind, id, _ := strings.Cut(text, "/")
	overlay, revision, two := strings.Cut(id, "/")
	switch {
	case kind == "overlay" && two && overlay != "" && revision != "" && !strings.Contains(revision, "/"):
		return Ref{Layer: Layer{Overlay: overlay, Revision: revision}}, true
	case two || id == "":
		return Ref{}, false
	case kind == "release":
		return Ref{Layer: Layer{Release: id}}, true
	case kind == "server":
		return Ref{Server: id}, true
	case kind == "build":
		return Ref{Build: id}, true
	}
	return Ref{}, false
}

// Staging is a tree that a builder may write to.
type Staging struct {
	Path    string
	Resumed bool // it was there before
}

// Usage of one piece of content. SharedBytes are in files that other content holds too.
type Usage struct {
	Files       uint64
	Bytes       uint64
	SharedBytes uint64
}

// Commit is the outcome of making a staging tree immutable. The counts compare with its base.
type Commit struct {
	Usage                   Usage
	Added, Removed, Changed uint64
	Notes                   []string // what admission mended
}

// Mount is a server's tree as the kernel has it.
type Mount struct {
	Server  string
	Path    string
	Foreign bool // there, but not in the form the mounter makes
	Lowers  []Layer
	Notes   []string // from Mount only: what a person should know
}

// File is a generated file of a server.
type File struct {
	Path   string // relative, slash separated
	Data   []byte
	Secret bool // readable by the game and the mounter only
}

// Change is one line of a diff between revisions.
type Change struct {
	Kind string // added, removed, changed
	Path string
	Size uint64 // after the change; before it for a removed file
}

// Stager makes revisions and releases. Implementations are safe for concurrent use; errors are
// faults whose source is the mounter plugin.
type Stager interface {
	// Stage prepares a tree that shows base, or nothing when base is zero.
	Stage(ctx context.Context, build string, base Layer) (Staging, error)
	// Commit admits the tree of build as target. Invalid: admission refused it; it stays staged.
	Commit(ctx context.Context, build string, target Layer) (Commit, error)
	// Discard removes a staging tree; an unknown one is fine.
	Discard(ctx context.Context, build string) error
}

// Remover deletes content.
type Remover interface {
	// Remove deletes ref; absent is fine. Precondition: a mount uses it.
	Remove(ctx context.Context, ref Ref) error
}

// Stacker mounts servers.
type Stacker interface {
	// Mount makes the tree of server from lowers, highest precedence first. The same again is fine;
	// Conflict: other lowers are mounted.
	Mount(ctx context.Context, server string, lowers []Layer) (Mount, error)
	// Unmount ends the tree; not mounted is fine. Precondition: busy.
	Unmount(ctx context.Context, server string) error
	// WriteFiles puts generated files into the tree, each atomically.
	WriteFiles(ctx context.Context, server string, files []File) error
	// Reset empties what the server itself wrote. Precondition: mounted.
	Reset(ctx context.Context, server string) error
}

// Limits bound one revision or release. 0 = nothing does.
type Limits struct{ Bytes, Files uint64 }

// Measurer tells how large content is.
type Measurer interface {
	// Usage measures ref, also a build that is being written to. A layer with an overlay alone stands for
	// all its revisions together, each file counted once. NotFound: it is not on disk.
	Usage(ctx context.Context, ref Ref) (Usage, error)
	// Limits are those of the mounter.
	Limits(ctx context.Context) (Limits, error)
}

// Surveyor tells what is there, whoever made it.
type Surveyor interface {
	Mounts(ctx context.Context) ([]Mount, error)
	List(ctx context.Context) ([]Ref, error)
}

// Entry is one entry of a directory of a layer or of an upper.
type Entry struct {
	Name   string // with U+FFFD for bytes that are not UTF-8
	Kind   string // file, directory, link; of uppers also whiteout (a deletion) and other (a pipe and the like)
	Size   int64  // of a file
	Opaque bool   // a directory of an upper that hides all that the layers below have in it
}

// Browser shows what layers hold, without following links. Paths are relative and slash separated.
// NotFound: an absent layer or path; Precondition: it is of another kind.
type Browser interface {
	// ReadFile gives up to length bytes, at most 1 MiB, from offset on, and the size of the whole file.
	ReadFile(ctx context.Context, layer Layer, path string, offset, length int64) (data []byte, size int64, err error)
	// ReadDir reports the entries of a directory, sorted by name; path "" is the top.
	ReadDir(ctx context.Context, layer Layer, path string, report func(Entry) error) error
}

// Upper shows and mends what a server wrote itself, by the rules of Browser. Game and people can change it at any
// moment: nothing in it is followed or trusted.
type Upper interface {
	ReadUpperFile(ctx context.Context, server, path string, offset, length int64) (data []byte, size int64, err error)
	// ReadUpperDir also tells whether the directory, or one on the way, hides what the layers below have there. NotFound:
	// the server never wrote, or not there; Precondition: a deletion or something else is on the way; Conflict: too many.
	ReadUpperDir(ctx context.Context, server, path string, report func(Entry) error) (opaque bool, err error)
	// RemovePath removes a path with all below it. Absent is fine. Precondition: the server is mounted.
	RemovePath(ctx context.Context, server, path string) (existed bool, err error)
}
