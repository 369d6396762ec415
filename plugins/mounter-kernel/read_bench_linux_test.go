package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/measure"
	"github.com/left4me/left4me/sdk/mounter"
)

const (
	readLayers = 10
	readFiles  = 40 // of each layer
)

// BenchmarkRead compares a server's tree of 10 layers with a plain directory of the same files and with the same
// stack by fuse-overlayfs: opening and reading a small file, and asking for one that no layer has.
func BenchmarkRead(b *testing.B) {
	root := content(b)
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	m := benchMounter(b, root)
	plain := filepath.Join(filepath.Dir(root), "plain")
	var layers []mounter.Layer
	var lowers, names []string
	for i := range readLayers {
		l := mounter.Layer{Overlay: fmt.Sprint("o", i), Revision: "r1"}
		fill := func(dir string) error {
			for j := range readFiles {
				name := fmt.Sprintf("left4dead2/cfg/layer%d-%d.cfg", i, j)
				if err := put(filepath.Join(dir, name), strings.Repeat("x", 900)); err != nil {
					return err
				}
			}
			return nil
		}
		revise(ctx, b, m, fmt.Sprint("b", i), mounter.Layer{}, l, fill)
		if err := fill(plain); err != nil {
			b.Fatal(err)
		}
		for j := range readFiles {
			names = append(names, fmt.Sprintf("left4dead2/cfg/layer%d-%d.cfg", i, j))
		}
		layers = append(layers, l)
		lowers = append(lowers, filepath.Join(root, "overlays", l.Overlay, l.Revision))
	}
	mount, _, err := m.Mount(ctx, "alpha", layers)
	if err != nil {
		b.Fatal(err)
	}
	fuse := fuseOverlay(b, lowers)
	b.Run("open", func(b *testing.B) { compareReads(b, mount.Path, plain, fuse, names, readOne) })
	asked := 0 // the kernel remembers what is not there, so each time another name
	miss := func(path string) error {
		asked++
		return missOne(fmt.Sprintf("%s.%d", path, asked))
	}
	b.Run("absent", func(b *testing.B) { compareReads(b, mount.Path, plain, fuse, names, miss) })
}

// compareReads reports what one file takes, and the ratios that are aimed at.
func compareReads(b *testing.B, tree, plain, fuse string, names []string, one func(path string) error) {
	b.Helper()
	all := func(dir string) func() error {
		return func() error {
			for _, name := range names {
				if err := one(filepath.Join(dir, name)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	ways := []func() error{all(tree), all(plain)}
	if fuse != "" {
		ways = append(ways, all(fuse))
	}
	medians := measure.Rounds(b, rounds, ways...)
	each := func(m measure.Median) float64 { return m.Micros() / float64(len(names)) }
	b.ReportMetric(each(medians[0]), "tree-p50-us")
	b.ReportMetric(each(medians[1]), "ext4-p50-us")
	b.ReportMetric(each(medians[0])/each(medians[1]), "tree/ext4")
	if fuse != "" {
		b.ReportMetric(each(medians[2]), "fuse-p50-us")
		b.ReportMetric(each(medians[2])/each(medians[0]), "fuse/tree")
	}
	b.ReportMetric(0, "ns/op") // of all rounds together, which says nothing
}

func readOne(path string) error {
	var data [1024]byte
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	_, err = unix.Read(fd, data[:])
	return errors.Join(err, unix.Close(fd))
}

func missOne(path string) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// fuseOverlay mounts lowers, highest first, by fuse-overlayfs, or returns "" where it cannot.
func fuseOverlay(b *testing.B, lowers []string) string {
	b.Helper()
	program, err := exec.LookPath("fuse-overlayfs")
	if err != nil {
		b.Log("fuse-overlayfs is not here, so it is not compared")
		return ""
	}
	base := filepath.Join(b.TempDir(), "fuse")
	for _, name := range []string{"upper", "work", "tree"} {
		if err := os.MkdirAll(filepath.Join(base, name), 0o755); err != nil {
			b.Fatal(err)
		}
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", strings.Join(lowers, ":"), base, base)
	if out, err := exec.Command(program, "-o", options, base+"/tree").CombinedOutput(); err != nil {
		b.Logf("fuse-overlayfs cannot mount, so it is not compared: %v\n%s", err, out)
		return ""
	}
	b.Cleanup(func() {
		if err := unix.Unmount(base+"/tree", unix.MNT_DETACH); err != nil {
			b.Error(err)
		}
	})
	return filepath.Join(base, "tree")
}
