package installation_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/installation"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/rig"
)

type silent struct{}

func (silent) Progress(job.Progress)       {}
func (silent) Logf(string, string, ...any) {}
func (silent) Writer(string) io.Writer     { return io.Discard }

func TestInstallMakesReleases(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	if _, err := r.DB.CurrentRelease(ctx); !fault.Is(err, fault.NotFound) {
		t.Errorf("release before the first install: %v", err)
	}
	first := r.Succeed(r.Installations.Install(ctx, "ann", installation.Order{}))
	if !strings.Contains(first.Summary, "version 2.2.4.3") {
		t.Errorf("summary = %q", first.Summary)
	}
	second := r.Succeed(r.Installations.Install(ctx, "ann", installation.Order{}))
	current, err := r.DB.CurrentRelease(ctx)
	if err != nil || current.ID != second.ID || current.Version != "2.2.4.3" || current.Usage.Files == 0 {
		t.Errorf("current = %+v, %v; want the second", current, err)
	}
	if all, err := r.DB.Releases(ctx); err != nil || len(all) != 2 {
		t.Errorf("%d releases, %v; the first must stay", len(all), err)
	}
}

func TestDirectory(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	write(t, from, "srcds_run", "#!/bin/sh\n", 0o755)
	write(t, from, "bin/engine.so", "x", 0o644)
	if err := os.Symlink("engine.so", filepath.Join(from, "bin/latest.so")); err != nil {
		t.Fatal(err)
	}
	got, err := installation.Directory{Path: from}.Fetch(context.Background(), installation.Request{Dir: to}, silent{})
	if err != nil || got.Version != "" {
		t.Errorf("fetch = %+v, %v; there is no steam.inf", got, err)
	}
	if info, err := os.Stat(filepath.Join(to, "srcds_run")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("srcds_run: %v, %v", info, err)
	}
	if link, err := os.Readlink(filepath.Join(to, "bin/latest.so")); err != nil || link != "engine.so" {
		t.Errorf("link = %q, %v", link, err)
	}
}

func TestDirectoryRefusesWhatIsNoGame(t *testing.T) {
	empty := t.TempDir()
	for name, path := range map[string]string{"absent": filepath.Join(empty, "nope"), "without srcds_run": empty} {
		t.Run(name, func(t *testing.T) {
			_, err := installation.Directory{Path: path}.Fetch(context.Background(), installation.Request{Dir: t.TempDir()}, silent{})
			if e, ok := fault.Of(err); !ok || e.Code != fault.Precondition || e.Hint == "" {
				t.Errorf("error = %v", err)
			}
		})
	}
}

func TestDirectoryIsCanceled(t *testing.T) {
	from := t.TempDir()
	write(t, from, "srcds_run", "x", 0o755)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (installation.Directory{Path: from}).Fetch(ctx, installation.Request{Dir: t.TempDir()}, silent{}); err == nil {
		t.Error("a canceled copy succeeded")
	}
}

func write(t *testing.T, dir, name, text string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
