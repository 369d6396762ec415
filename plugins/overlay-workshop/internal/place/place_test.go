package place_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/place"
)

// source is a file with content and the root of an empty tree.
func source(t *testing.T, data []byte) (*os.File, *os.Root) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "source")
	if err := os.WriteFile(path, data, 0o444); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = file.Close(), root.Close() })
	return file, root
}

func TestFileIsReplacedAsAWhole(t *testing.T) {
	data := bytes.Repeat([]byte("new"), 7_000_000) // more than one chunk
	from, root := source(t, data)
	if err := root.MkdirAll("a/b", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := root.WriteFile("a/b/x.vpk", []byte("old revision"), 0o444); err != nil {
		t.Fatal(err)
	}
	if err := root.Link("a/b/x.vpk", "earlier"); err != nil {
		t.Fatal(err)
	}
	if err := root.WriteFile("a/b/.x.vpk.tmp", []byte("left by a killed build"), 0o600); err != nil {
		t.Fatal(err)
	}
	var last int64
	way, err := place.File(t.Context(), root, "a/b/x.vpk", from, func(done int64) { last = done })
	if err != nil || last != int64(len(data)) {
		t.Fatalf("%v, %d bytes reported", err, last)
	}
	t.Logf("the file was %s", way)
	if got, err := root.ReadFile("a/b/x.vpk"); err != nil || !bytes.Equal(got, data) {
		t.Errorf("content is wrong: %v", err)
	}
	if got, err := root.ReadFile("earlier"); err != nil || string(got) != "old revision" {
		t.Errorf("the earlier revision became %q, %v", got, err)
	}
	if info, err := root.Stat("a/b/x.vpk"); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := root.Lstat("a/b/.x.vpk.tmp"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a temporary file is left: %v", err)
	}
}

func TestCanceledCopyLeavesNothing(t *testing.T) {
	from, root := source(t, make([]byte, 40<<20))
	ctx, cancel := context.WithCancel(t.Context())
	way, err := place.File(ctx, root, "x", from, func(int64) { cancel() })
	if way == place.Cloned {
		t.Skip("this file system clones, so there was nothing to cancel")
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	directory, err := root.Open(".")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = directory.Close() }()
	if names, err := directory.Readdirnames(-1); err != nil || len(names) > 0 {
		t.Errorf("left: %v, %v", names, err)
	}
}

func TestLinksOutOfTheTreeAreNotFollowed(t *testing.T) {
	from, root := source(t, []byte("data"))
	outside := t.TempDir()
	victim := filepath.Join(outside, "victim")
	if err := os.WriteFile(victim, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := root.Symlink(outside, "dir"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dir/x", "../x"} {
		if _, err := place.File(t.Context(), root, name, from, func(int64) {}); err == nil {
			t.Errorf("%s: written out of the tree", name)
		}
		if err := place.Data(root, name, []byte("x")); err == nil {
			t.Errorf("%s: written out of the tree", name)
		}
	}
	if err := root.Symlink(victim, "link"); err != nil {
		t.Fatal(err)
	}
	if err := root.Symlink(victim, ".link.tmp"); err != nil {
		t.Fatal(err)
	}
	if _, err := place.File(t.Context(), root, "link", from, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(victim); err != nil || string(data) != "keep" {
		t.Errorf("the victim is %q, %v", data, err)
	}
	if info, err := root.Lstat("link"); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the link is still there: %v", err)
	}
}
