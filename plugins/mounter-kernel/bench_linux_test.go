package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/measure"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/overlayfs"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
	"github.com/left4me/left4me/sdk/sdktest"
)

// rounds of each comparison.
const rounds = 101

// patience is the deadline of one call; the SDK's client asks for one.
const patience = 10 * time.Minute

// benchMounter is a plugin process with a content tree.
func benchMounter(b *testing.B, root string) mounter.Mounter {
	b.Helper()
	p := sdktest.Start(b, *command(), sdk.KindMounter)
	sdktest.Configure(b, p.Conn, sdk.Settings{JSON: []byte(fmt.Sprintf(`{"root":%q,"limits":{"max_layers":500}}`, root))})
	return mounter.NewClient(p.Conn)
}

func revise(ctx context.Context, b *testing.B, m mounter.Mounter, id string, base, target mounter.Layer, fill func(dir string) error) {
	b.Helper()
	s, err := m.Stage(ctx, id, base)
	if err == nil {
		err = fill(s.Path)
	}
	if err == nil {
		_, err = m.Commit(ctx, mounter.CommitRequest{Build: id, Target: target})
	}
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkMount compares mount and unmount through the plugin with the bare system calls, which open
// each layer too.
func BenchmarkMount(b *testing.B) {
	root := content(b)
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	m := benchMounter(b, root)
	var layers []mounter.Layer
	for i := range 500 {
		l := mounter.Layer{Overlay: fmt.Sprintf("01jdexampleoverlay%08d", i), Revision: "01jdexamplerevision0000001"}
		revise(ctx, b, m, fmt.Sprint("b", i), mounter.Layer{}, l, func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "f"), []byte("x"), 0o644)
		})
		layers = append(layers, l)
	}
	bare := b.TempDir()
	for _, name := range []string{"upper", "work", "tree"} {
		if err := os.Mkdir(filepath.Join(bare, name), 0o755); err != nil {
			b.Fatal(err)
		}
	}
	for _, n := range []int{10, 100, 500} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			// In turns, so that what else the machine does meets both.
			medians := measure.Phases(b, rounds, []func() error{
				func() error { _, _, err := m.Mount(ctx, "alpha", layers[:n]); return err },
				func() error { _, err := m.Unmount(ctx, "alpha", false); return err },
			}, []func() error{
				func() error { return bareMount(bare, root, layers[:n]) },
				func() error { return unix.Unmount(bare+"/tree", 0) },
			})
			for phase, name := range []string{"mount", "unmount"} {
				plugin, direct := medians[0][phase], medians[1][phase]
				b.ReportMetric(plugin.Millis(), name+"-plugin-p50-ms")
				b.ReportMetric(direct.Millis(), name+"-bare-p50-ms")
				b.ReportMetric(plugin.Millis()-direct.Millis(), name+"-overhead-p50-ms")
			}
			b.ReportMetric(0, "ns/op") // of all rounds together, which says nothing
		})
	}
}

func bareMount(dir, root string, layers []mounter.Layer) (err error) {
	var fds []int
	open := func(path string) int {
		fd, openErr := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		err = errors.Join(err, openErr)
		fds = append(fds, fd)
		return fd
	}
	stack := overlayfs.Stack{Source: "bare"}
	for _, l := range layers {
		stack.Lowers = append(stack.Lowers, open(filepath.Join(root, "overlays", l.Overlay, l.Revision)))
	}
	stack.Upper, stack.Work, stack.Target = open(dir+"/upper"), open(dir+"/work"), open(dir+"/tree")
	if err == nil {
		err = overlayfs.ByFD.Mount(stack)
	}
	for _, fd := range fds {
		err = errors.Join(err, unix.Close(fd))
	}
	return err
}

// BenchmarkOneFileChange compares a new revision in which one of 20,000 files (1 GiB) changed with a
// copy of the tree, the way without revisions. Both end with their data on the disk.
func BenchmarkOneFileChange(b *testing.B) {
	root := content(b)
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	m := benchMounter(b, root)
	base := mounter.Layer{Overlay: "big", Revision: "r0"}
	revise(ctx, b, m, "b0", mounter.Layer{}, base, bigTree)
	unix.Sync()
	next := 0
	change := func(dir string) error {
		return os.WriteFile(filepath.Join(dir, "d7/f7"), []byte(fmt.Sprint(next)), 0o644)
	}
	plugin, copied := measure.Pairs(b, 3, func() error {
		next++
		target := mounter.Layer{Overlay: "big", Revision: fmt.Sprint("r", next)}
		revise(ctx, b, m, fmt.Sprint("b", next), base, target, change)
		return nil
	}, func() error {
		to := filepath.Join(root, fmt.Sprint("copy", next))
		if out, err := exec.Command("cp", "-a", filepath.Join(root, "overlays/big/r0"), to).CombinedOutput(); err != nil {
			return fmt.Errorf("cp: %w: %s", err, out)
		}
		err := change(to)
		unix.Sync()
		return err
	})
	b.ReportMetric(plugin.Millis(), "plugin-p50-ms")
	b.ReportMetric(copied.Millis(), "cp-a-p50-ms")
	b.ReportMetric(copied.Millis()/plugin.Millis(), "cp-a/plugin")
	b.ReportMetric(0, "ns/op") // of all rounds together, which says nothing
}

func bigTree(dir string) error {
	data := make([]byte, 1<<30/20_000)
	for i := range 200 {
		sub := filepath.Join(dir, fmt.Sprint("d", i))
		if err := os.Mkdir(sub, 0o755); err != nil {
			return err
		}
		for j := range 100 {
			copy(data, fmt.Sprint(i, j))
			if err := os.WriteFile(filepath.Join(sub, fmt.Sprint("f", j)), data, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
