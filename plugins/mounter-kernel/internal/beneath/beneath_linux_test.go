package beneath_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/mounttest"
)

func TestMain(m *testing.M) { mounttest.Main(m) }

func root(t *testing.T) *beneath.Dir {
	t.Helper()
	dir, err := beneath.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	return dir
}

func ok(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// Shows S5.
func TestNothingLeadsOut(t *testing.T) {
	d := root(t)
	outside := t.TempDir()
	ok(t, os.WriteFile(outside+"/f", []byte("out"), 0o600), os.Symlink(outside, d.Name()+"/link"),
		os.Symlink(outside+"/f", d.Name()+"/file"), os.Mkdir(d.Name()+"/sub", 0o755))
	for _, name := range []string{"link", "..", "/", "sub/../..", "link/f", "/proc/self/root"} {
		if dir, err := d.Open(name); err == nil {
			t.Errorf("%q opened %s", name, dir.Name())
		}
		if dir, err := d.OpenMount(name, true); err == nil {
			t.Errorf("%q opened %s", name, dir.Name())
		}
	}
	if _, err := d.ReadFile("file", 10); !errors.Is(err, unix.ELOOP) {
		t.Error("a link was read:", err)
	}
	if err := d.Chmod("file", 0o777); !errors.Is(err, unix.ELOOP) {
		t.Error("a link was changed:", err)
	}
	ok(t, d.WriteFile("file", []byte("in"), 0o600), d.RemoveAll("link"), d.RemoveAll("sub"))
	if data, err := os.ReadFile(outside + "/f"); err != nil || string(data) != "out" {
		t.Errorf("the file outside: %q %v", data, err)
	}
	if _, err := beneath.OpenRoot("relative/../x"); err == nil {
		t.Error("an absent root was opened")
	}
}

// Deleting stops at a mount, whose content lives on.
func TestRemoveAllStopsAtMounts(t *testing.T) {
	d := root(t)
	ok(t, os.MkdirAll(d.Name()+"/a/b/mnt", 0o755), unix.Mount("x", d.Name()+"/a/b/mnt", "tmpfs", 0, "size=64k"))
	t.Cleanup(func() { _ = unix.Unmount(d.Name()+"/a/b/mnt", unix.MNT_DETACH) })
	ok(t, os.WriteFile(d.Name()+"/a/b/mnt/precious", nil, 0o600))
	err := d.RemoveAll("a")
	if !errors.Is(err, unix.EXDEV) && !errors.Is(err, unix.EBUSY) {
		t.Error("error:", err)
	}
	if _, err := os.Stat(d.Name() + "/a/b/mnt/precious"); err != nil {
		t.Error("what was mounted is gone:", err)
	}
}

func TestRemoveAllAndWriteFile(t *testing.T) {
	d := root(t)
	ok(t, os.MkdirAll(d.Name()+"/a/b/c", 0o755), os.WriteFile(d.Name()+"/a/f", nil, 0o600), os.Symlink("f", d.Name()+"/a/l"),
		unix.Mkfifo(d.Name()+"/a/b/p", 0o600), d.RemoveAll("a"), d.RemoveAll("never"), d.Unlink("never"), d.Rmdir("never"),
		d.WriteFile("x", []byte("1"), 0o600), d.WriteFile("x", []byte("22"), 0o640))
	if there, err := d.Exists("a"); there || err != nil {
		t.Error(there, err)
	}
	data, err := d.ReadFile("x", 2)
	if err != nil || string(data) != "22" {
		t.Errorf("%q %v", data, err)
	}
	if _, err := d.ReadFile("x", 1); !errors.Is(err, unix.EFBIG) {
		t.Error("limit:", err)
	}
	if err := d.Rename("x", d, "x"); !errors.Is(err, fs.ErrExist) {
		t.Error("rename replaced:", err)
	}
	ok(t, unix.Mkfifo(d.Name()+"/fifo", 0o600))
	if _, err := d.ReadFile("fifo", 10); err == nil {
		t.Error("a FIFO was read")
	}
}

func TestLockWaitsAndGivesUp(t *testing.T) {
	d := root(t)
	open := func() *beneath.Dir {
		other, err := d.Open(".")
		ok(t, err)
		t.Cleanup(func() { other.Close() })
		return other
	}
	a, b, c := open(), open(), open()
	ok(t, a.Lock(t.Context(), false), b.Lock(t.Context(), false))
	if c.TryLock() {
		t.Error("exclusive beside shared")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Lock(ctx, true); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	var waiting sync.WaitGroup
	var err error
	waiting.Go(func() { err = c.Lock(t.Context(), true) })
	ok(t, a.Unlock(), b.Unlock())
	waiting.Wait()
	ok(t, err)
	if a.TryLock() {
		t.Error("two exclusive locks")
	}
}
