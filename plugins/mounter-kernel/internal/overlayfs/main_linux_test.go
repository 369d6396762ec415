package overlayfs_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/mounttest"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/overlayfs"
)

func TestMain(m *testing.M) { mounttest.Main(m) }

// bench is a directory with layers to mount.
type bench struct {
	t     testing.TB
	dir   *beneath.Dir
	can   overlayfs.Abilities
	stack overlayfs.Stack
	open  []*beneath.Dir
}

// newBench makes n layers with long paths. Layer i has a file called after it, and all have "who".
func newBench(t testing.TB, n int) *bench {
	t.Helper()
	dir, err := beneath.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, dir: dir}
	t.Cleanup(b.close)
	scratch := b.make("scratch")
	if b.can, err = overlayfs.Probe(t.Context(), scratch); err != nil {
		t.Skip("overlayfs cannot be mounted here: ", err)
	}
	b.stack.Source, b.stack.UserXattr = "left4me:test:0", b.can.UserXattr
	layers := b.make("layers")
	for i := range n {
		name := fmt.Sprintf("%0100d", i)
		layer, err := layers.Ensure(name, 0o755)
		if err != nil {
			t.Fatal(err)
		}
		b.open = append(b.open, layer)
		b.stack.Lowers = append(b.stack.Lowers, layer.FD())
		for _, file := range []string{"who", fmt.Sprint(i)} {
			if err := os.WriteFile(filepath.Join(layer.Name(), file), []byte(fmt.Sprint(i)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.stack.Upper, b.stack.Work, b.stack.Target = b.make("upper").FD(), b.make("work").FD(), b.make("tree").FD()
	return b
}

func (b *bench) make(name string) *beneath.Dir {
	b.t.Helper()
	dir, err := b.dir.Ensure(name, 0o755)
	if err != nil {
		b.t.Fatal(err)
	}
	b.open = append(b.open, dir)
	return dir
}

func (b *bench) close() {
	if err := overlayfs.Detach(b.dir, "tree"); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		b.t.Error(err)
	}
	for _, d := range b.open {
		d.Close()
	}
	b.dir.Close()
}

func (b *bench) read(name string) string {
	data, err := os.ReadFile(filepath.Join(b.dir.Name(), "tree", name))
	if err != nil {
		return err.Error()
	}
	return string(data)
}
