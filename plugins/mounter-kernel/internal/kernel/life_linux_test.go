package kernel_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/sdk/mounter"
)

// A revision is built, built upon, and mounted; the game changes what it likes, and content stays.
func TestFromStagingToGame(t *testing.T) {
	w := newWorld(t)
	first, second := revision("maps", "r1"), revision("maps", "r2")
	got := w.build("b1", mounter.Layer{}, first, func(dir string) {
		write(t, dir, "addons/a.vpk", "aaaa")
		write(t, dir, "addons/b.vpk", "bbbb")
		write(t, dir, "cfg/old.cfg", "old")
	})
	want := mounter.Commit{Usage: mounter.Usage{Files: 3, Bytes: 11}, Added: 3}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("first commit (-want +got):", diff)
	}
	got = w.build("b2", first, second, func(dir string) {
		write(t, dir, "addons/a.vpk", "AAAAA")
		write(t, dir, "addons/new/c.vpk", "cccc")
		if err := os.RemoveAll(dir + "/cfg"); err != nil {
			t.Error(err)
		}
	})
	want = mounter.Commit{Usage: mounter.Usage{Files: 3, Bytes: 13, SharedBytes: 4}, Added: 1, Removed: 1, Changed: 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("second commit (-want +got):", diff)
	}
	if read(t, w.path("overlays/maps/r1/addons/a.vpk")) != "aaaa" || read(t, w.path("overlays/maps/r1/cfg/old.cfg")) != "old" {
		t.Error("the first revision changed")
	}
	mount, existed, err := w.Mount(t.Context(), "alpha", []mounter.Layer{second})
	if err != nil || existed {
		t.Fatal(existed, err)
	}
	asUser(t, gameID, func() {
		write(t, mount.Path, "addons/a.vpk", "game")
		write(t, mount.Path, "addons/new/log", "l")
		if err := os.Chmod(mount.Path+"/addons/b.vpk", 0o600); err != nil {
			t.Error(err)
		}
		if err := os.Rename(mount.Path+"/addons/new/c.vpk", mount.Path+"/addons/d.vpk"); err != nil {
			t.Error(err)
		}
	})
	if read(t, w.path("overlays/maps/r2/addons/a.vpk")) != "AAAAA" || read(t, w.path("servers/alpha/upper/addons/a.vpk")) != "game" {
		t.Error("the game's change went to the wrong place")
	}
	if was, err := w.Unmount(t.Context(), "alpha", false); err != nil || !was {
		t.Error(was, err)
	}
	if was, err := w.Unmount(t.Context(), "alpha", false); err != nil || was {
		t.Error(was, err)
	}
}
