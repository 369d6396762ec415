package tree_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/tree"
	"github.com/left4me/left4me/sdk/mounter"
)

// grow makes a tree; a value that begins with "->" is a link.
func grow(t *testing.T, files map[string]string) *beneath.Dir {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if target, is := text, len(text) > 2 && text[:2] == "->"; is {
			err = errors.Join(err, os.Symlink(target[2:], path))
		} else {
			err = errors.Join(err, os.WriteFile(path, []byte(text), 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	dir, err := beneath.OpenRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	return dir
}

// Changes come sorted by whole path, in which "/" sorts after "-" and before letters.
func TestDiffIsSortedByPath(t *testing.T) {
	old := grow(t, map[string]string{"a/x": "1", "a-b": "1", "a0": "1", "l": "->a-b", "was-file": "1", "same/deep/f": "1", "big": string(make([]byte, 300_000))})
	fresh := grow(t, map[string]string{"a/x": "2", "a-b": "22", "l": "->a0", "was-file/now": "1", "same/deep/f": "1", "big": string(append(make([]byte, 299_999), 1))})
	var got []string
	err := tree.Diff(t.Context(), old, fresh, func(c mounter.Change) error {
		got = append(got, fmt.Sprint(c.Kind, " ", c.Path, " ", c.Size))
		return nil
	})
	want := []string{"changed a-b 2", "changed a/x 1", "removed a0 1", "changed big 300000", "changed l 2", "removed was-file 1", "added was-file/now 1"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	stop := errors.New("stop")
	if err := tree.Diff(t.Context(), nil, fresh, func(mounter.Change) error { return stop }); !errors.Is(err, stop) {
		t.Error("the report's error was lost:", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tree.Diff(ctx, old, fresh, func(mounter.Change) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestMeasure(t *testing.T) {
	dir := grow(t, map[string]string{"d/a": "12345", "d/e/b": "1", "l": "->d", "shared": "123"})
	outside := filepath.Join(t.TempDir(), "x")
	err := errors.Join(os.Link(dir.Name()+"/shared", outside), os.Link(dir.Name()+"/d/a", dir.Name()+"/d/a2"),
		os.WriteFile(dir.Name()+"/sparse", nil, 0o644), os.Truncate(dir.Name()+"/sparse", 1<<40))
	if err != nil {
		t.Fatal(err)
	}
	got, err := tree.Measure(t.Context(), dir)
	want := tree.Totals{Files: 6, Dirs: 2, Bytes: 5 + 5 + 1 + 3 + 1<<40, Shared: 3, Repeated: 5}
	if got.Weight < want.Bytes+4*4000 {
		t.Error("small files weigh too little:", got.Weight-want.Bytes)
	}
	got.Weight = 0
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	part, err := tree.MeasureEntry(t.Context(), dir, "d")
	if err != nil || part.Files != 3 || part.Dirs != 2 || part.Entries() != 5 {
		t.Errorf("%+v %v", part, err)
	}
}
