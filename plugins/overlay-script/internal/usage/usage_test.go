package usage_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-script/internal/usage"
)

func TestMeasure(t *testing.T) {
	dir := t.TempDir()
	must := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(dir, "a/b"), 0o755),
		os.WriteFile(filepath.Join(dir, "a/file"), make([]byte, 1000), 0o644),
		os.WriteFile(filepath.Join(dir, "a/b/sparse"), nil, 0o644),
		os.Truncate(filepath.Join(dir, "a/b/sparse"), 1<<30), // a hole counts: a copy would hold it
		os.Symlink("/usr", filepath.Join(dir, "link")))       // is not followed
	total, err := usage.Measure(t.Context(), dir)
	if want := (usage.Total{Bytes: 1000 + 1<<30, Files: 3, Dirs: 2}); err != nil || total != want {
		t.Errorf("%+v, %v, want %+v", total, err, want)
	}
	if _, err := usage.Measure(t.Context(), filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := usage.Measure(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
