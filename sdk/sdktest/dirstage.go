package sdktest

import (
	"context"
	"fmt"
	"io/fs"

	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// committed is what is kept about the commit of a build.
type committed struct {
	Target mounter.Layer
	Commit mounter.Commit
}

// Stage implements mounter.Stager.
func (d dirMounter) Stage(ctx context.Context, build string, base mounter.Layer) (mounter.Staging, error) {
	if err := mounter.CheckID("build", build); err != nil {
		return mounter.Staging{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	layers := []mounter.Layer{}
	if !base.IsZero() {
		if _, err := d.needLayer(base); err != nil {
			return mounter.Staging{}, err
		}
		layers = append(layers, base)
	}
	tree, baseFile := d.path("builds", build, "tree"), d.path("builds", build, "base.json")
	var before mounter.Layer
	staged, err := readJSON(baseFile, &before)
	if err != nil {
		return mounter.Staging{}, err
	}
	if staged && before != base {
		return mounter.Staging{}, sdk.Errorf(sdk.CodeConflict, "Build %s is staged from another base.", build).
			WithHint("Discard the build first.")
	}
	if staged {
		return mounter.Staging{Path: tree, Resumed: true}, nil
	}
	if err := d.materialise(ctx, tree, d.compose(layers, "", nil)); err != nil {
		return mounter.Staging{}, err
	}
	return mounter.Staging{Path: tree}, writeJSON(baseFile, base)
}

// Commit implements mounter.Stager.
func (d dirMounter) Commit(_ context.Context, request mounter.CommitRequest) (mounter.Commit, error) {
	if err := mounter.CheckID("build", request.Build); err != nil {
		return mounter.Commit{}, err
	}
	if err := mounter.CheckLayer(request.Target); err != nil {
		return mounter.Commit{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	target, recordFile := d.layerDir(request.Target), d.path("commits", request.Build+".json")
	var record committed
	if _, err := readJSON(recordFile, &record); err != nil {
		return mounter.Commit{}, err
	}
	if exists(target) {
		if record.Target == request.Target {
			record.Commit.Existed = true
			return record.Commit, nil
		}
		return mounter.Commit{}, sdk.Errorf(sdk.CodeConflict, "The layer %s exists already.", request.Target)
	}
	commit, err := d.admit(request)
	if err != nil {
		return mounter.Commit{}, err
	}
	if err := writeJSON(recordFile, committed{request.Target, commit}); err != nil {
		return mounter.Commit{}, err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return mounter.Commit{}, err
	}
	if err := os.Rename(d.path("builds", request.Build, "tree"), target); err != nil {
		return mounter.Commit{}, err
	}
	return commit, os.RemoveAll(d.path("builds", request.Build))
}

// admit checks and mends the staging tree of a build.
func (d *DirMounter) admit(request mounter.CommitRequest) (mounter.Commit, error) {
	var base mounter.Layer
	staged, err := readJSON(d.path("builds", request.Build, "base.json"), &base)
	if err != nil {
		return mounter.Commit{}, err
	}
	if !staged {
		return mounter.Commit{}, sdk.Errorf(sdk.CodeNotFound, "Build %s is not staged.", request.Build)
	}
	dir := d.path("builds", request.Build, "tree")
	notes, err := mend(dir)
	if err != nil {
		return mounter.Commit{}, err
	}
	tree, err := ReadTree(dir)
	if err != nil {
		return mounter.Commit{}, err
	}
	if unfit := tree.Unfit(); len(unfit) > 0 {
		return mounter.Commit{}, refused("%s", unfit[0])
	}
	files, bytes := tree.Usage()
	switch {
	case request.MaxFiles > 0 && files > request.MaxFiles:
		return mounter.Commit{}, refused("it has %d files, more than %d", files, request.MaxFiles)
	case request.MaxBytes > 0 && bytes > request.MaxBytes:
		return mounter.Commit{}, refused("it has %d bytes, more than %d", bytes, request.MaxBytes)
	}
	commit := mounter.Commit{Usage: mounter.Usage{Files: files, Bytes: bytes}, Notes: notes}
	old := Tree{}
	if !base.IsZero() {
		if old, err = ReadTree(d.layerDir(base)); err != nil {
			return mounter.Commit{}, err
		}
	}
	for _, change := range changes(old, tree) {
		switch change.Kind {
		case mounter.Added:
			commit.Added++
		case mounter.Removed:
			commit.Removed++
		case mounter.Changed:
			commit.Changed++
		}
	}
	return commit, nil
}

func refused(format string, args ...any) error {
	return sdk.Errorf(sdk.CodeInvalid, "The content cannot be admitted: "+format+".", args...).
		WithHint("Mend the overlay's build and build again.")
}

// mend takes away what content must not have and nobody misses, and says so.
func mend(dir string) ([]string, error) {
	var notes []string
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if !utf8.ValidString(relative) {
			return refused("the name %q is not valid UTF-8", relative)
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		const special = fs.ModeSetuid | fs.ModeSetgid
		if info.Mode().IsRegular() && info.Mode()&special != 0 {
			notes = append(notes, fmt.Sprintf("Took setuid and setgid from %s.", relative))
			return os.Chmod(name, info.Mode()&^special)
		}
		return nil
	})
	return notes[:min(len(notes), mounter.MaxNotes)], err
}

// Discard implements mounter.Stager.
func (d dirMounter) Discard(_ context.Context, build string) (bool, error) {
	if err := mounter.CheckID("build", build); err != nil {
		return false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	dir := d.path("builds", build)
	return exists(dir), os.RemoveAll(dir)
}

// changes compares what is not a directory in two trees, sorted by path.
func changes(from, to Tree) []mounter.Change {
	var out []mounter.Change
	for name, entry := range to {
		old, was := from[name]
		switch {
		case entry.Mode.IsDir():
		case !was || old.Mode.IsDir():
			out = append(out, mounter.Change{Kind: mounter.Added, Path: name, Size: uint64(entry.Size)})
		case old != entry:
			out = append(out, mounter.Change{Kind: mounter.Changed, Path: name, Size: uint64(entry.Size)})
		}
	}
	for name, old := range from {
		if now, is := to[name]; !old.Mode.IsDir() && (!is || now.Mode.IsDir()) {
			out = append(out, mounter.Change{Kind: mounter.Removed, Path: name, Size: uint64(old.Size)})
		}
	}
	slices.SortFunc(out, func(a, b mounter.Change) int { return strings.Compare(a.Path, b.Path) })
	return out
}
