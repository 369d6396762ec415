package kernel_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/mounttest"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// Each case does what a hostile script or archive does to its tree. A refusal names the entry and the
// reason, nothing is committed, and the tree stays for the person to look at.
func TestAdmissionRefuses(t *testing.T) {
	w := newWorld(t)
	w.json["limits"] = map[string]int{"max_bytes": 1 << 20, "max_files": 50, "max_depth": 8, "max_path": 300}
	w.restart()
	for name, c := range map[string]struct {
		attack func(dir string) error
		words  []string
	}{
		"fifo":           {func(d string) error { return unix.Mkfifo(d+"/x", 0o600) }, []string{`"x"`, "FIFO"}},
		"socket":         {func(d string) error { return unix.Mknod(d+"/x", unix.S_IFSOCK|0o600, 0) }, []string{`"x"`, "socket"}},
		"newline":        {touch("a\nb"), []string{`"a\nb"`, "control character"}},
		"escape":         {touch("\x1b[2J"), []string{`"\x1b[2J"`, "control character"}},
		"invalid utf-8":  {touch("bad\xff\xfe"), []string{`"bad\xff\xfe"`, "UTF-8"}},
		"too deep":       {func(d string) error { return os.MkdirAll(d+strings.Repeat("/d", 9), 0o755) }, []string{"8 levels"}},
		"path too long":  {func(d string) error { return os.MkdirAll(d+strings.Repeat("/"+strings.Repeat("n", 160), 2), 0o755) }, []string{"300 bytes"}},
		"too many":       {many(51), []string{"more than 50"}},
		"too many dirs":  {manyDirs(51), []string{"more than 50"}},
		"too large":      {func(d string) error { return os.WriteFile(d+"/x", make([]byte, 2<<20), 0o644) }, []string{"1 MiB"}},
		"sparse":         {func(d string) error { return sparse(d + "/x") }, []string{"1 MiB"}},
		"absolute link":  {link("/etc/shadow", "x"), []string{`"x"`, `"/etc/shadow"`, "out of the overlay"}},
		"link up":        {link("../../../etc", "x"), []string{`"x"`, "out of the overlay"}},
		"dangling up":    {link("../nothing", "x"), []string{`"x"`, "out of the overlay"}},
		"circle":         {link("x", "x"), []string{`"x"`, "circle"}},
		"link over link": {chain("sub/deep", "l/../../..", "y"), []string{`"y"`, "out of the overlay"}},
		"to the upper":   {link("../../b/private/upper/f", "x"), []string{`"x"`}},
	} {
		t.Run(name, func(t *testing.T) {
			s := must(w.Stage(t.Context(), "b", mounter.Layer{}))(t)
			var err error
			asUser(t, stagingID, func() {
				write(t, s.Path, "good", "g")
				err = c.attack(s.Path)
			})
			if err != nil {
				t.Fatal("the attack itself failed:", err)
			}
			_, err = w.Commit(t.Context(), mounter.CommitRequest{Build: "b", Target: revision("o", "r1")})
			wantCode(t, err, sdk.CodeInvalid, c.words...)
			if left, _ := filepath.Glob(w.path("overlays/o/*")); len(left) > 0 {
				t.Error("left:", left)
			}
			if read(t, s.Path, "good") != "g" {
				t.Error("the staged tree is gone")
			}
			asUser(t, stagingID, func() { write(t, s.Path, "good", "still mine") })
			if existed, err := w.Discard(t.Context(), "b"); err != nil || !existed {
				t.Error(existed, err)
			}
		})
	}
}

func touch(name string) func(string) error {
	return func(d string) error { return os.WriteFile(filepath.Join(d, name), nil, 0o644) }
}

func link(target, name string) func(string) error {
	return func(d string) error { return os.Symlink(target, filepath.Join(d, name)) }
}

// chain makes a link to a directory and one that goes on from there.
func chain(dir, target, name string) func(string) error {
	return func(d string) error {
		return errors.Join(os.MkdirAll(d+"/"+dir, 0o755), os.Symlink(".", d+"/l"), os.Symlink(target, d+"/"+name))
	}
}

func many(n int) func(string) error {
	return func(d string) error {
		for i := range n {
			if err := touch(fmt.Sprint(i))(d); err != nil {
				return err
			}
		}
		return nil
	}
}

func manyDirs(n int) func(string) error {
	return func(d string) error {
		for i := range n {
			if err := os.Mkdir(fmt.Sprint(d, "/", i), 0o755); err != nil {
				return err
			}
		}
		return nil
	}
}

func sparse(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(1<<40), f.Close())
}

// What only somebody with more than the builder's powers could plant is refused as well.
func TestAdmissionRefusesWhatIsPlanted(t *testing.T) {
	mounttest.NeedRoot(t)
	w := newWorld(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		plant func(upper string) error
		words []string
	}{
		"device":    {func(d string) error { return unix.Mknod(d+"/x", unix.S_IFBLK|0o666, int(unix.Mkdev(8, 0))) }, []string{`"x"`, "block device"}},
		"null":      {func(d string) error { return unix.Mknod(d+"/x", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))) }, []string{`"x"`, "character device"}},
		"whiteout":  {func(d string) error { return unix.Mknod(d+"/x", unix.S_IFCHR, 0) }, []string{`"x"`, "character device"}},
		"hard link": {func(d string) error { return os.Link(secret, d+"/x") }, []string{`"x"`, "hard link"}},
	} {
		t.Run(name, func(t *testing.T) {
			must(w.Stage(t.Context(), "b", mounter.Layer{}))(t)
			if err := c.plant(w.path("builds/b/private/upper")); err != nil {
				t.Fatal(err)
			}
			_, err := w.Commit(t.Context(), mounter.CommitRequest{Build: "b", Target: revision("o", "r1")})
			wantCode(t, err, sdk.CodeInvalid, c.words...)
			must(w.Discard(t.Context(), "b"))(t)
		})
	}
	info, err := os.Stat(secret)
	if err != nil || info.Mode() != 0o600 || info.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Error("the file outside was touched:", info, err)
	}
}

// A builder cannot make a deletion mark through the tree, which would hide the game's own file.
func TestBuilderCannotMakeWhiteouts(t *testing.T) {
	w := newWorld(t)
	s := must(w.Stage(t.Context(), "b", mounter.Layer{}))(t)
	asUser(t, stagingID, func() {
		if err := unix.Mknod(s.Path+"/x", unix.S_IFCHR, 0); !errors.Is(err, unix.EPERM) {
			t.Errorf("mknod c 0 0: %v", err)
		}
		for _, name := range []string{"trusted.overlay.opaque", "trusted.overlay.redirect"} {
			if err := unix.Setxattr(s.Path, name, []byte("y"), 0); err == nil {
				t.Errorf("setxattr %s was allowed", name)
			}
		}
	})
}

// What can be mended is mended and said.
func TestAdmissionMends(t *testing.T) {
	w := newWorld(t)
	commit := w.build("b", mounter.Layer{}, revision("o", "r1"), func(dir string) {
		write(t, dir, "suid", "s")
		write(t, dir, "hidden/private", "p")
		write(t, dir, "run.sh", "r")
		write(t, dir, "two", "2")
		err := errors.Join(
			os.Chmod(dir+"/suid", os.ModeSetuid|os.ModeSetgid|0o4755),
			os.Chmod(dir+"/hidden/private", 0o000), os.Chmod(dir+"/hidden", 0o700|os.ModeSticky),
			os.Chmod(dir+"/run.sh", 0o700),
			unix.Setxattr(dir+"/two", "user.comment", []byte("x"), 0),
			unix.Setxattr(dir+"/hidden", "user.fuseoverlayfs.opaque", []byte("y"), 0),
			os.Link(dir+"/two", dir+"/hidden/two"),
			os.Symlink("../suid", dir+"/hidden/l"), os.Symlink("base-game-file", dir+"/dangling"))
		if err != nil {
			t.Error(err)
		}
	})
	root := w.path("overlays/o/r1")
	for name, mode := range map[string]fs.FileMode{
		"suid": 0o775, "hidden": fs.ModeDir | 0o775, "hidden/private": 0o664, "run.sh": 0o775, "two": 0o664, "": fs.ModeDir | 0o775,
	} {
		info, err := os.Lstat(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		st := info.Sys().(*syscall.Stat_t)
		if info.Mode() != mode {
			t.Errorf("%q: mode %v, want %v", name, info.Mode(), mode)
		}
		if want := uint32(gameID); !mounttest.InUserNamespace() && st.Uid != want {
			t.Errorf("%q belongs to %d", name, st.Uid)
		}
		if n, err := unix.Listxattr(filepath.Join(root, name), nil); n != 0 || err != nil {
			t.Errorf("%q has attributes: %d bytes, %v", name, n, err)
		}
	}
	if read(t, root, "hidden/l") != "s" || read(t, root, "hidden/two") != "2" {
		t.Error("links inside were lost")
	}
	for _, words := range []string{`"suid"`, `"two"`, `"dangling"`} {
		if !slices.ContainsFunc(commit.Notes, func(n string) bool { return strings.Contains(n, words) }) {
			t.Errorf("no note about %s in %q", words, commit.Notes)
		}
	}
}

// A link that was good leads out when what it goes through is exchanged for a link.
func TestOldLinksAreLookedAtAgain(t *testing.T) {
	w := newWorld(t)
	r1 := revision("o", "r1")
	w.build("b1", mounter.Layer{}, r1, func(dir string) {
		write(t, dir, "d/e/f", "f")
		write(t, dir, "target", "t")
		if err := os.Symlink("d/e/../../target", dir+"/x"); err != nil {
			t.Error(err)
		}
	})
	s := must(w.Stage(t.Context(), "b2", r1))(t)
	asUser(t, stagingID, func() {
		if err := errors.Join(os.RemoveAll(s.Path+"/d/e"), os.Symlink("..", s.Path+"/d/e")); err != nil {
			t.Error(err)
		}
	})
	_, err := w.Commit(t.Context(), mounter.CommitRequest{Build: "b2", Target: revision("o", "r2")})
	wantCode(t, err, sdk.CodeInvalid, `"x"`, "out of the overlay")
	if read(t, w.path("overlays/o/r1/x")) != "t" {
		t.Error("the revision before was touched")
	}
}
