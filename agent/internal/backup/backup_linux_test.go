package backup_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/agent/internal/backup"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/sqlite"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// provisioned makes a root directory whose users have numbers from first on.
func provisioned(t *testing.T, first int) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("giving files to other users needs root")
	}
	root := t.TempDir()
	var passwd, group strings.Builder
	for i, name := range []string{"left4me", "left4me-web", "left4me-game", "left4me-mounter"} {
		fmt.Fprintf(&passwd, "%s:x:%d:%d::/:/bin/false\n", name, first+i, first+i)
		fmt.Fprintf(&group, "%s:x:%d:\n", name, first+i)
	}
	write(t, root+"/etc/passwd", "root:x:0:0::/:/bin/sh\n"+passwd.String())
	write(t, root+"/etc/group", "root:x:0:\n"+group.String())
	write(t, root+"/etc/left4me/agent.hcl", `name = "of `+filepath.Base(root)+`"`)
	for _, dir := range []string{"/var/lib/left4me/content", "/var/lib/left4me/agent", "/var/lib/left4me-web"} {
		must(t, os.MkdirAll(root+dir, 0o755))
	}
	return root
}

// live is a host with databases in use and a server that has been played on.
func live(t *testing.T) string {
	t.Helper()
	root := provisioned(t, 7000)
	for _, path := range []string{"/var/lib/left4me/agent/agent.db", "/var/lib/left4me-web/panel.db"} {
		db, err := sqlite.Open(t.Context(), root+path)
		must(t, err)
		t.Cleanup(func() { must(t, db.Close()) })
	}
	upper := root + "/var/lib/left4me/content/servers/01abc/upper"
	write(t, upper+"/left4dead2/addons/sourcemod/data/sqlite/sourcemod-local.sq3", "data")
	write(t, upper+"/left4dead2/new\nline", "")
	must(t, os.Symlink("/etc/shadow", upper+"/left4dead2/link"))
	must(t, unix.Mknod(upper+"/left4dead2/deleted.txt", unix.S_IFCHR, 0))
	must(t, os.Mkdir(upper+"/left4dead2/cleared", 0o750))
	must(t, unix.Setxattr(upper+"/left4dead2/cleared", "trusted.overlay.opaque", []byte("y"), 0))
	must(t, unix.Mkfifo(upper+"/left4dead2/pipe", 0o600))
	must(t, filepath.WalkDir(upper, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, 7002, 7002)
	}))
	return root
}

func create(t *testing.T, root string) (string, backup.Result) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "backup.tar.gz")
	result, err := backup.Create(t.Context(), file, backup.Options{Root: root, Version: "1", Host: "a", Now: time.Unix(1e9, 0)})
	must(t, err)
	return file, result
}

// look lists a tree with everything that a restore must bring back; users are given relative to first.
func look(t *testing.T, dir string, first int) []string {
	t.Helper()
	var out []string
	must(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		line := fmt.Sprintf("%q %o user %d", strings.TrimPrefix(path, dir), st.Mode, int(st.Uid)-first)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %q", data)
		case unix.S_IFLNK:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line += " -> " + target
		case unix.S_IFDIR:
			value := make([]byte, 1)
			if n, err := unix.Getxattr(path, "trusted.overlay.opaque", value); err == nil && n == 1 {
				line += " opaque"
			}
		case unix.S_IFIFO:
			return nil // is left out
		}
		out = append(out, line)
		return nil
	}))
	return out
}

func TestBackupBringsBackADestroyedHost(t *testing.T) {
	old := live(t)
	file, result := create(t, old)
	if result.Servers != 1 || len(result.Notes) != 1 || !strings.Contains(result.Notes[0], "pipe") {
		t.Errorf("%+v", result)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the archive has secrets in it and mode %v, %v", info.Mode(), err)
	}

	fresh := provisioned(t, 9000)
	restored, err := backup.Restore(t.Context(), file, fresh)
	must(t, err)
	servers := "/var/lib/left4me/content/servers/01abc/upper"
	if diff := cmp.Diff(look(t, old+servers, 7000), look(t, fresh+servers, 9000)); diff != "" {
		t.Error(diff)
	}
	if got, err := os.ReadFile(fresh + "/etc/left4me/agent.hcl"); err != nil || !strings.Contains(string(got), filepath.Base(old)) {
		t.Errorf("configuration %q, %v", got, err)
	}
	if len(restored.Kept) != 1 {
		t.Errorf("kept %v", restored.Kept)
	}
	var st unix.Stat_t
	must(t, unix.Stat(fresh+"/var/lib/left4me/agent/agent.db", &st))
	if st.Uid != 9000 || st.Mode&0o777 != 0o640 {
		t.Errorf("the database belongs to %d with mode %o", st.Uid, st.Mode)
	}
	db, err := sqlite.Open(t.Context(), fresh+"/var/lib/left4me/agent/agent.db")
	must(t, err)
	must(t, db.Close())
}

func TestRestoreRefusesARunningAgent(t *testing.T) {
	root := live(t) // has its database open
	file, _ := create(t, root)
	before := look(t, root+"/etc", 0)
	if _, err := backup.Restore(t.Context(), file, root); !fault.Is(err, fault.Conflict) {
		t.Errorf("%v", err)
	}
	if diff := cmp.Diff(before, look(t, root+"/etc", 0)); diff != "" {
		t.Error(diff)
	}
}

func TestRestoreRefusesAHostWithServers(t *testing.T) {
	file, _ := create(t, live(t))
	fresh := provisioned(t, 9000)
	write(t, fresh+"/var/lib/left4me/content/servers/01xyz/upper/mine", "mine")
	before := look(t, fresh, 0)
	if _, err := backup.Restore(t.Context(), file, fresh); !fault.Is(err, fault.Conflict) {
		t.Errorf("%v", err)
	}
	after := look(t, fresh, 0)
	if len(after) != len(before)+1 { // the lock file of the agent that was looked for
		t.Error(cmp.Diff(before, after))
	}
}

// A backup is needed when everything else is gone. Damage must be found before anything is written.
func TestDamageIsFoundBeforeAnythingIsWritten(t *testing.T) {
	file, _ := create(t, live(t))
	whole, err := os.ReadFile(file)
	must(t, err)
	fresh := provisioned(t, 9000)
	before := look(t, fresh+"/etc/left4me", 0)
	damaged := filepath.Join(t.TempDir(), "damaged")
	content, found := unpacked(whole), 0
	for at := 20; at < len(whole); at += max(len(whole)/150, 1) {
		for _, data := range [][]byte{whole[:at], flipped(whole, at)} {
			if bytes.Equal(unpacked(data), content) {
				continue // a run of zeros can be copied from two distances: the same content, packed differently
			}
			must(t, os.WriteFile(damaged, data, 0o600))
			if _, err := backup.Restore(t.Context(), damaged, fresh); err == nil {
				t.Fatalf("damage at byte %d of %d was not found", at, len(whole))
			}
			found++
		}
	}
	if diff := cmp.Diff(before, look(t, fresh+"/etc/left4me", 0)); diff != "" {
		t.Error(diff)
	}
	if found < 250 {
		t.Errorf("only %d archives were damaged", found)
	}
}

// unpacked returns the content of a gzip file, or nil if it is damaged.
func unpacked(data []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return nil
	}
	return content
}

func flipped(data []byte, at int) []byte {
	out := bytes.Clone(data)
	out[at] ^= 0x10
	return out
}

// archive packs entries with right sums: what somebody makes who knows how.
func archive(t *testing.T, headers ...tar.Header) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "evil.tar.gz")
	out, err := os.Create(file)
	must(t, err)
	packed := gzip.NewWriter(out)
	w := tar.NewWriter(packed)
	manifest := `{"format":1,"version":"1","created":"2026-11-25T00:00:00Z","host":"x"}`
	var sums strings.Builder
	for _, h := range append([]tar.Header{{Name: "manifest.json", Typeflag: tar.TypeReg}}, headers...) {
		text := ""
		if h.Name == "manifest.json" {
			text = manifest
		}
		h.Size, h.Mode = int64(len(text)), 0o777
		must(t, w.WriteHeader(&h))
		_, err := io.WriteString(w, text)
		must(t, err)
		if h.Typeflag == tar.TypeReg {
			fmt.Fprintf(&sums, "%x  %s\n", sum(text), h.Name)
		}
	}
	must(t, w.WriteHeader(&tar.Header{Name: "SHA256SUMS", Typeflag: tar.TypeReg, Size: int64(sums.Len()), Mode: 0o600}))
	_, err = io.WriteString(w, sums.String())
	must(t, err)
	must(t, w.Close())
	must(t, packed.Close())
	must(t, out.Close())
	return file
}

// Who can hand root an archive must not get more than files in an upper by it.
func TestRestoreWritesNothingOutside(t *testing.T) {
	dir := tar.Header{Name: "servers/a/upper", Typeflag: tar.TypeDir}
	outside := t.TempDir()
	for name, entries := range map[string][]tar.Header{
		"parent":        {dir, {Name: "servers/a/upper/../../../../x", Typeflag: tar.TypeReg}},
		"absolute":      {{Name: "/etc/x", Typeflag: tar.TypeReg}},
		"configuration": {{Name: "etc/../x", Typeflag: tar.TypeReg}},
		"hidden":        {{Name: "etc/.x", Typeflag: tar.TypeReg}},
		"through link":  {dir, {Name: "servers/a/upper/l", Typeflag: tar.TypeSymlink, Linkname: outside}, {Name: "servers/a/upper/l/x", Typeflag: tar.TypeReg}},
		"link to file":  {dir, {Name: "servers/a/upper/l", Typeflag: tar.TypeSymlink, Linkname: outside + "/x"}, {Name: "servers/a/upper/l", Typeflag: tar.TypeReg}},
		"hard link":     {dir, {Name: "servers/a/upper/h", Typeflag: tar.TypeLink, Linkname: "/etc/shadow"}},
		"device":        {dir, {Name: "servers/a/upper/d", Typeflag: tar.TypeBlock, Devmajor: 8}},
		"work":          {{Name: "servers/a/work", Typeflag: tar.TypeDir}},
		"other":         {{Name: "bin/x", Typeflag: tar.TypeReg}},
	} {
		t.Run(name, func(t *testing.T) {
			fresh := provisioned(t, 9000)
			if _, err := backup.Restore(t.Context(), archive(t, entries...), fresh); err == nil {
				t.Error("it was taken")
			}
			for _, path := range []string{fresh + "/x", fresh + "/bin", outside + "/x", fresh + "/etc/x"} {
				if _, err := os.Lstat(path); err == nil {
					t.Errorf("%s was written", path)
				}
			}
		})
	}
}

// A character device that is no mark of a deleted file never becomes a device.
func TestDevicesBecomeMarksOnly(t *testing.T) {
	fresh := provisioned(t, 9000)
	file := archive(t, tar.Header{Name: "servers/a/upper", Typeflag: tar.TypeDir},
		tar.Header{Name: "servers/a/upper/mem", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 1})
	_, _ = backup.Restore(t.Context(), file, fresh) // fails for want of a database, after it
	var st unix.Stat_t
	must(t, unix.Lstat(fresh+"/var/lib/left4me/content/servers/a/upper/mem", &st))
	if st.Rdev != 0 {
		t.Errorf("device %x", st.Rdev)
	}
}

func TestBackupEndsWhenItIsCanceled(t *testing.T) {
	root := live(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	file := filepath.Join(t.TempDir(), "b")
	if _, err := backup.Create(ctx, file, backup.Options{Root: root}); err == nil {
		t.Error("it went on")
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("half a backup stays: %v", err)
	}
}
