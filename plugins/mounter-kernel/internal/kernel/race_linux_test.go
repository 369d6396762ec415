package kernel_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/mounttest"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// A builder that goes on while its tree is committed, exchanging a directory for a link out all the
// time, gets no link admitted, and cannot change what was.
func TestCommitAgainstARacingBuilder(t *testing.T) {
	mounttest.NeedRoot(t)
	w := newWorld(t)
	secret := t.TempDir()
	if err := os.WriteFile(secret+"/f", []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	tree := w.path("builds/b/tree")
	ctx, stop := context.WithCancel(t.Context())
	var racing sync.WaitGroup
	racing.Go(func() { asUser(t, stagingID, func() { raceInTree(ctx, tree, secret) }) })
	admitted, refused := 0, 0
	for admitted+refused < 60 {
		s := must(w.Stage(t.Context(), "b", mounter.Layer{}))(t)
		asUser(t, stagingID, func() {
			_ = errors.Join(os.Mkdir(s.Path+"/d", 0o755), os.WriteFile(s.Path+"/d/f", []byte("mine"), 0o644))
		})
		target := revision("o", "r"+string(rune('a'+admitted%26))+string(rune('a'+refused%26)))
		_, err := w.Commit(t.Context(), mounter.CommitRequest{Build: "b", Target: target})
		switch sdk.CodeOf(err) {
		case "":
			admitted++
			lookForLinks(t, w.path("overlays/o", target.Revision))
			must(w.Remove(t.Context(), mounter.Ref{Layer: target}, false))(t)
		case sdk.CodeInvalid, sdk.CodePrecondition:
			refused++
			must(w.Discard(t.Context(), "b"))(t)
		default:
			t.Fatal(err)
		}
	}
	stop()
	racing.Wait()
	t.Logf("%d admitted, %d refused", admitted, refused)
	info, err := os.Stat(secret + "/f")
	if err != nil || info.Mode() != 0o600 {
		t.Error("the file outside was touched:", info, err)
	}
}

func raceInTree(ctx context.Context, tree, secret string) {
	for ctx.Err() == nil { // each step fails whenever the tree is not there, which is most of the time
		_ = os.Symlink(secret, tree+"/l")
		_ = unix.Renameat2(unix.AT_FDCWD, tree+"/d", unix.AT_FDCWD, tree+"/l", unix.RENAME_EXCHANGE)
		_ = os.WriteFile(tree+"/d/f", []byte("changed"), 0o644)
		_ = os.Remove(tree + "/l")
	}
}

func lookForLinks(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type()&fs.ModeSymlink != 0 {
			t.Error("a link was admitted:", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Whoever owns the directory above, such as the agent, can move the parts of the tree away and put links
// in their place. The mounter goes on with what it has open, and takes up nothing of it later.
func TestPartsExchangedForLinks(t *testing.T) {
	w := newWorld(t)
	l := w.layers(2)
	victim := t.TempDir()
	if err := os.Chmod(victim, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"overlays", "builds", "servers", "installations"} {
		if err := errors.Join(os.Rename(w.path(part), w.path("old-"+part)), os.Symlink(victim, w.path(part))); err != nil {
			t.Fatal(err)
		}
	}
	must2(w.Mount(t.Context(), "alpha", l))(t)
	must(w.Stage(t.Context(), "b", l[0]))(t)
	must(true, w.WriteFiles(t.Context(), "beta", []mounter.File{{Path: "f"}}))(t)
	left, err := os.ReadDir(victim)
	if err != nil || len(left) > 0 {
		t.Error("something was made behind the link:", left, err)
	}
	fresh := newUnconfigured()
	found, err := fresh.Configure(t.Context(), w.settings())
	if err != nil || !sdk.HasErrors(found) {
		t.Error("links were accepted:", found, err)
	}
}
