package kernel_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/mounttest"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// What a process leaves when it dies between two steps is put right when the next one starts.
func TestRepair(t *testing.T) {
	w := newWorld(t)
	r1 := revision("o", "r1")
	w.build("b1", mounter.Layer{}, r1, func(dir string) { write(t, dir, "f", "1") })
	s := must(w.Stage(t.Context(), "b2", r1))(t)
	write(t, s.Path, "g", "2")
	err := errors.Join(
		// died while it composed: half a tree, files of the upper given away
		os.MkdirAll(w.path("overlays/o/.new-b2/sub"), 0o700),
		os.Link(w.path("builds/b2/private/upper/g"), w.path("overlays/o/.new-b2/g")),
		os.WriteFile(w.path("builds/b2/stage.json"), []byte(`{"Base":{"Overlay":"o","Revision":"r1"},"Target":{"Overlay":"o","Revision":"r2"}}`), 0o600),
		os.WriteFile(w.path("overlays/o/.rev-r2.json"), []byte(`{"Build":"b2"}`), 0o600),
		// died while it deleted, and while it made a build and a scratch directory
		os.MkdirAll(w.path("overlays/o/.gone-X/deep/er"), 0o700),
		os.MkdirAll(w.path("servers/alpha/.gone-Y"), 0o700),
		os.MkdirAll(w.path("builds/.gone-Z/a"), 0o700),
		os.MkdirAll(w.path("builds/b3/private"), 0o700),
		os.MkdirAll(w.path("servers/alpha/work/work"), 0o700),
	)
	if err != nil {
		t.Fatal(err)
	}
	if !mounttest.InUserNamespace() {
		if err := os.Chown(w.path("builds/b2/private/upper/g"), gameID, gameID); err != nil {
			t.Fatal(err)
		}
	}
	// died while a base with exchanged owners was attached
	if err := unix.Mount(w.path("overlays/o/r1"), w.path("builds/b2/base"), "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	w.restart()
	for _, pattern := range []string{"overlays/o/.new-*", "overlays/o/.gone-*", "overlays/o/.rev-r2*", "servers/alpha/.gone-*", "builds/.gone-*", "builds/b3", "servers/alpha/work/*"} {
		if left, _ := filepath.Glob(w.path(pattern)); len(left) > 0 {
			t.Error("left:", left)
		}
	}
	if mountLine(t, w.path("builds/b2/base")) != "" {
		t.Error("the attached base is still there")
	}
	must(w.Commit(t.Context(), mounter.CommitRequest{Build: "b2", Target: revision("o", "r2")}))(t)
	if read(t, w.path("overlays/o/r2/g")) != "2" || read(t, w.path("overlays/o/r1/f")) != "1" {
		t.Error("the build was damaged")
	}
}

// A build whose commit began is the builder's again when it is staged again.
func TestStageGivesBack(t *testing.T) {
	mounttest.NeedRoot(t)
	w := newWorld(t)
	s := must(w.Stage(t.Context(), "b", mounter.Layer{}))(t)
	asUser(t, stagingID, func() {
		write(t, s.Path, "d/f", "1")
		if err := os.Symlink("../../out", s.Path+"/d/l"); err != nil {
			t.Error(err)
		}
	})
	_, err := w.Commit(t.Context(), mounter.CommitRequest{Build: "b", Target: revision("o", "r1")})
	wantCode(t, err, sdk.CodeInvalid, `"d/l"`)
	asUser(t, stagingID, func() {
		if err := errors.Join(os.Remove(s.Path+"/d/l"), os.Chmod(s.Path+"/d/f", 0o755)); err != nil {
			t.Error(err)
		}
	})
	must(w.Commit(t.Context(), mounter.CommitRequest{Build: "b", Target: revision("o", "r1")}))(t)
}

// Died between the revision's name and the end of the build: the revision is not to be touched by
// staging the same build again.
func TestStageAfterAnEndedCommit(t *testing.T) {
	w := newWorld(t)
	r1 := revision("o", "r1")
	w.build("b", mounter.Layer{}, r1, func(dir string) { write(t, dir, "f", "1") })
	err := errors.Join(
		os.MkdirAll(w.path("builds/b/private/upper"), 0o700), os.Mkdir(w.path("builds/b/work"), 0o700),
		os.Link(w.path("overlays/o/r1/f"), w.path("builds/b/private/upper/f")),
		os.WriteFile(w.path("builds/b/stage.json"), []byte(`{"Target":{"Overlay":"o","Revision":"r1"}}`), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	s := must(w.Stage(t.Context(), "b", mounter.Layer{}))(t)
	if s.Resumed || read(t, s.Path, "f") != "<absent>" {
		t.Error("the staging tree shows files of the revision:", s)
	}
	wantOwner(t, w.path("overlays/o/r1/f"), gameID, stagingID, 0o664)
}

// A canceled commit leaves the build as it was.
func TestCanceledCommit(t *testing.T) {
	w := newWorld(t)
	s := must(w.Stage(t.Context(), "b", mounter.Layer{}))(t)
	write(t, s.Path, "f", "1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.Commit(ctx, mounter.CommitRequest{Build: "b", Target: revision("o", "r1")})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(w.path("overlays/o/*")); len(left) > 0 || read(t, s.Path, "f") != "1" {
		t.Error("left:", left)
	}
}

func TestWatch(t *testing.T) {
	w := newWorld(t)
	l := w.layers(1)
	must2(w.Mount(t.Context(), "alpha", l))(t)
	ctx, cancel := context.WithCancel(t.Context())
	type seen struct {
		Event  mounter.Event
		Server string
	}
	events, ended := make(chan seen, 10), make(chan error, 1)
	go func() {
		ended <- w.Watch(ctx, func(e mounter.Event, m mounter.Mount) error {
			events <- seen{e, m.Server}
			return nil
		})
	}()
	want := func(e mounter.Event, server string) {
		t.Helper()
		if diff := cmp.Diff(seen{e, server}, <-events); diff != "" {
			t.Error(diff)
		}
	}
	want(mounter.EventCurrent, "alpha")
	must2(w.Mount(t.Context(), "beta", l))(t)
	want(mounter.EventAppeared, "beta")
	must(w.Unmount(t.Context(), "alpha", false))(t)
	want(mounter.EventGone, "alpha")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestConfigureRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(dir, dir+"/link"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(dir+"/open/overlays", 0o755), os.Chmod(dir+"/open/overlays", 0o777)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ settings, code, words string }{
		"no root":        {`{}`, "settings.invalid", "where content lives"},
		"unknown key":    {`{"rooot":"/x"}`, "schema.unknown", "rooot"},
		"relative":       {`{"root":"/"}`, "schema.pattern", "root"},
		"no parent":      {`{"root":"` + dir + `/no/such"}`, "mounter.precondition", "Cannot make"},
		"through a link": {`{"root":"` + dir + `/link/content"}`, "mounter.invalid", "symbolic link"},
		"open to others": {`{"root":"` + dir + `/open"}`, "mounter.precondition", "others than the mounter"},
		"too high":       {`{"root":"` + dir + `/c","limits":{"max_layers":501}}`, "schema.maximum", "500"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newUnconfigured()
			diagnostics, err := m.Configure(t.Context(), sdk.Settings{JSON: []byte(c.settings)})
			if err != nil || len(diagnostics) == 0 {
				t.Fatal(diagnostics, err)
			}
			d := diagnostics[0]
			if d.Code != c.code || !contains(d.Summary, c.words) || d.Detail == "" {
				t.Errorf("%+v", d)
			}
			_, err = m.Probe(t.Context())
			wantCode(t, err, sdk.CodePrecondition, "settings")
		})
	}
}
