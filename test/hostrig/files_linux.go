package hostrig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// Path returns how this machine reaches a file of the host, for example to connect to a socket. Links that are
// absolute lead astray, so the path must not hold any.
func (h *Host) Path(name string) string {
	return fmt.Sprintf("/proc/%d/root%s", h.running.leader, name)
}

// root opens the host's tree, as its PID 1 sees it, tmpfs and all. Nothing done with it leaves that tree.
func (h *Host) root(t testing.TB) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(h.Path("/"))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func within(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

// Put writes a file of the host, owned by root, and the directories above it.
func (h *Host) Put(t testing.TB, name string, content []byte, mode fs.FileMode) {
	t.Helper()
	root := h.root(t)
	defer root.Close()
	if err := put(root, within(name), content, mode); err != nil {
		t.Fatalf("put %s: %v", name, err)
	}
}

func put(root *os.Root, name string, content []byte, mode fs.FileMode) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	// A new file instead of the old one: a program that runs cannot be written.
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return errors.Join(root.WriteFile(name, content, mode), root.Chmod(name, mode))
}

// Push copies a file or a directory of this machine into the host as name, with its modes, owned by root.
func (h *Host) Push(t testing.TB, from, name string) {
	t.Helper()
	root := h.root(t)
	defer root.Close()
	err := filepath.WalkDir(from, func(source string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		below, err := filepath.Rel(from, source)
		if err != nil {
			return err
		}
		info, err := os.Stat(source)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		return put(root, path.Join(within(name), filepath.ToSlash(below)), content, info.Mode().Perm())
	})
	if err != nil {
		t.Fatalf("push %s: %v", from, err)
	}
}

// Read returns the content of a file of the host.
func (h *Host) Read(t testing.TB, name string) []byte {
	t.Helper()
	root := h.root(t)
	defer root.Close()
	content, err := root.ReadFile(within(name))
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	return content
}
