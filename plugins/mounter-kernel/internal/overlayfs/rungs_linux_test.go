package overlayfs_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/overlayfs"
)

// The kernel takes 500 layers on every rung, in the order given, and one more on none.
func TestEachRungCarries500(t *testing.T) {
	b := newBench(t, overlayfs.KernelMax+1)
	all := b.stack.Lowers
	for _, rung := range overlayfs.Rungs() {
		t.Run(string(rung), func(t *testing.T) {
			if works := b.can.Works[rung]; works != "yes" {
				t.Skip("not on this kernel: ", works)
			}
			b.stack.Lowers = all
			if err := rung.Mount(b.stack); err == nil {
				t.Error("501 layers were mounted")
			}
			b.stack.Lowers = all[:overlayfs.KernelMax]
			if err := rung.Mount(b.stack); err != nil {
				t.Fatal(err)
			}
			info, found, err := overlayfs.Inspect(b.dir, "tree")
			if err != nil || !found {
				t.Fatal(found, err)
			}
			if err := overlayfs.Verify(info, b.stack); err != nil {
				t.Error(err)
			}
			if b.read("who") != "0" || b.read("499") != "499" {
				t.Error("the first does not win, or the last is missing:", b.read("who"), b.read("499"))
			}
			if err := overlayfs.Unmount(t.Context(), b.dir, "tree"); err != nil {
				t.Error(err)
			}
		})
	}
}

// The kernel's own words are in the error.
func TestErrorsSayWhatTheKernelSays(t *testing.T) {
	b := newBench(t, 1)
	b.stack.Lowers = make([]int, overlayfs.KernelMax+1)
	for i := range b.stack.Lowers {
		b.stack.Lowers[i] = b.stack.Upper
	}
	err := overlayfs.ByPath.Mount(b.stack)
	if fault, is := errors.AsType[*overlayfs.Error](err); !is || !strings.Contains(fault.Error(), "limit is 500") {
		t.Errorf("error %v", err)
	}
}

// Verify refuses every way in which a mount can differ from what was asked.
func TestVerify(t *testing.T) {
	b := newBench(t, 2)
	if err := b.can.Rung.Mount(b.stack); err != nil {
		t.Fatal(err)
	}
	good, _, err := overlayfs.Inspect(b.dir, "tree")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*overlayfs.Info){
		"type":      func(i *overlayfs.Info) { i.Type = "tmpfs" },
		"source":    func(i *overlayfs.Info) { i.Source += "1" },
		"cut":       func(i *overlayfs.Info) { i.Super = strings.Replace(i.Super, "lowerdir+", "x", 1) },
		"suid":      func(i *overlayfs.Info) { i.Options = strings.Replace(i.Options, "nosuid", "x", 1) },
		"read-only": func(i *overlayfs.Info) { i.Super = strings.Replace(i.Super, "rw", "ro", 1) },
		"no work":   func(i *overlayfs.Info) { i.Super = strings.Replace(i.Super, "workdir", "x", 1) },
	} {
		bad := good
		change(&bad)
		if overlayfs.Verify(good, b.stack) != nil || overlayfs.Verify(bad, b.stack) == nil {
			t.Error(name, "is not noticed, or the good one is refused")
		}
	}
}

// A mount that is out of sight is told from one that has ended, and the work directory comes out clean.
func TestReleased(t *testing.T) {
	b := newBench(t, 1)
	scratch, work := b.make("scratch"), b.make("work")
	want := func(when string, want bool) {
		t.Helper()
		got, err := b.can.Released(t.Context(), scratch, work)
		if err != nil || got != want {
			t.Errorf("%s: released %v, %v", when, got, err)
		}
	}
	want("never mounted", true)
	if err := b.can.Rung.Mount(b.stack); err != nil {
		t.Fatal(err)
	}
	want("mounted", false)
	f, err := os.Open(b.dir.Name() + "/tree/who")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Stat(b.dir.Name()+"/tree", &st); err != nil {
		t.Fatal(err)
	}
	if err := overlayfs.Detach(b.dir, "tree"); err != nil {
		t.Fatal(err)
	}
	want("detached with an open file", false)
	holders, err := overlayfs.Holders(overlayfs.Device(st.Dev), 0)
	if err != nil || len(holders) != 1 || holders[0].PID != os.Getpid() || holders[0].How != "open file" {
		t.Errorf("holders: %v, %v", holders, err)
	}
	f.Close()
	want("closed", true)
	if left, err := work.Entries(); err != nil || len(left) > 0 {
		t.Error("left in work:", left, err)
	}
}

// What a process left that died in the middle of asking is no obstacle.
func TestReleasedAfterACrash(t *testing.T) {
	b := newBench(t, 1)
	other := b.stack
	other.Upper, other.Claim = b.make("other").FD(), true
	if err := b.can.Rung.Mount(other); err != nil {
		t.Fatal(err)
	}
	if err := overlayfs.Unmount(t.Context(), b.dir, "tree"); err != nil {
		t.Fatal(err)
	}
	free, err := b.can.Released(t.Context(), b.make("scratch"), b.make("work"))
	if err != nil || !free {
		t.Error(free, err)
	}
}

// A file that is mapped but no longer open holds a mount too.
func TestMappedFilesAreHolders(t *testing.T) {
	b := newBench(t, 1)
	if err := b.can.Rung.Mount(b.stack); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(b.dir.Name() + "/tree/who")
	if err != nil {
		t.Fatal(err)
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, 1, unix.PROT_READ, unix.MAP_PRIVATE)
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	info, _, err := overlayfs.At(b.dir, "tree")
	if err != nil {
		t.Fatal(err)
	}
	holders, err := overlayfs.Holders(info.Device, info.ID)
	if err != nil || len(holders) != 1 || holders[0].How != "mapped file" {
		t.Errorf("holders: %v, %v", holders, err)
	}
	if err := unix.Munmap(mem); err != nil {
		t.Fatal(err)
	}
	if err := overlayfs.Unmount(t.Context(), b.dir, "tree"); err != nil {
		t.Error(err)
	}
}

func BenchmarkRungs(b *testing.B) {
	for _, n := range []int{10, 100, 500} {
		x := newBench(b, n)
		for _, rung := range overlayfs.Rungs() {
			if x.can.Works[rung] != "yes" {
				continue
			}
			b.Run(fmt.Sprintf("%s/%d", rung, n), func(b *testing.B) {
				for b.Loop() {
					if err := rung.Mount(x.stack); err != nil {
						b.Fatal(err)
					}
					if err := overlayfs.Detach(x.dir, "tree"); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// The kernel's short answer about one mount and its table say the same.
func TestInspectAgreesWithTheTable(t *testing.T) {
	b := newBench(t, 300)
	if err := b.can.Rung.Mount(b.stack); err != nil {
		t.Fatal(err)
	}
	got, found, err := overlayfs.Inspect(b.dir, "tree")
	if err != nil || !found {
		t.Fatal(found, err)
	}
	mounts, err := overlayfs.ReadMounts()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(mounts, func(m overlayfs.Info) bool { return m.ID == got.ID })
	if i < 0 {
		t.Fatal("not in the table:", got.ID)
	}
	want := mounts[i]
	if got.Parent != want.Parent || got.Device != want.Device || got.Type != want.Type || got.Source != want.Source ||
		got.Layers() != 300 || want.Layers() != 300 {
		t.Errorf("got %+v with %d layers, want %+v", got, got.Layers(), want)
	}
	for _, option := range []string{"nosuid", "nodev"} {
		if overlayfs.HasOption(got.Options, option) != overlayfs.HasOption(want.Options, option) {
			t.Error(option, "differs")
		}
	}
}
