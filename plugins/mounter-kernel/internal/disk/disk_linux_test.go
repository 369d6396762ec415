package disk_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/disk"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

func owners() disk.Owners {
	return disk.Owners{StagingUID: os.Getuid(), StagingGID: os.Getgid(), GameUID: os.Getuid(), GameGID: os.Getgid(), ReaderGID: -1}
}

func open(t *testing.T) *disk.Root {
	t.Helper()
	r, err := disk.Open(filepath.Join(t.TempDir(), "content"), owners())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// put makes files and, for names that end in a slash, directories.
func put(t *testing.T, r *disk.Root, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(r.Path, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if strings.HasSuffix(name, "/") {
			err = errors.Join(err, os.MkdirAll(path, 0o755))
		} else {
			err = errors.Join(err, os.WriteFile(path, []byte("{}"), 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func left(t *testing.T, r *disk.Root) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(r.Path, func(path string, _ fs.DirEntry, err error) error {
		if name := strings.TrimPrefix(path, r.Path); strings.Count(name, "/") > 1 {
			out = append(out, name[1:])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Each line of rubbish is what one point of death leaves; what is whole stays.
func TestRepair(t *testing.T) {
	r := open(t)
	put(t, r, "overlays/o1/r1/file", "overlays/o1/.rev-r1.json",
		"overlays/o1/.new-b1/half",      // while a commit copied
		"overlays/o1/.rev-r2.json",      // before content got its name, or after it lost it
		"overlays/o1/.tmp-.rev-r3.json", // while a record was written
		"overlays/o1/.gone-X/old/deep",  // while a revision was deleted
		"overlays/o2/",                  // between the last revision and its directory
		"installations/.new-b2/half",    // while an installation was cloned
		"installations/.rev-v9.json",    // before the clone got its name
		"installations/v1/srcds_run",    //
		"builds/.gone-Y/private/upper/", // while a build was discarded
		"builds/b3/private/upper/file",  //
		"servers/.gone-Z/upper/",        // while a server was deleted
		"servers/s1/.gone-W/file",       // while a server was reset
		"servers/s1/upper/file")
	if err := r.Repair(); err != nil {
		t.Fatal(err)
	}
	want := []string{"builds/.empty", "builds/b3", "builds/b3/private", "builds/b3/private/upper", "builds/b3/private/upper/file",
		"installations/v1", "installations/v1/srcds_run", "overlays/o1", "overlays/o1/.rev-r1.json", "overlays/o1/r1", "overlays/o1/r1/file",
		"servers/s1", "servers/s1/upper", "servers/s1/upper/file"}
	if diff := cmp.Diff(want, left(t, r)); diff != "" {
		t.Error(diff)
	}
	if err := r.Repair(); err != nil {
		t.Error("a second time:", err)
	}
}

// What another process is committing right now is not rubbish, nor are the records that belong to it.
func TestRepairLeavesWorkAlone(t *testing.T) {
	r := open(t)
	put(t, r, "builds/b1/", "overlays/o1/.new-b1/half", "overlays/o1/.rev-r1.json")
	build, err := r.Builds.Open("b1")
	if err != nil {
		t.Fatal(err)
	}
	if err := build.Lock(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	before := left(t, r)
	if err := r.Repair(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, left(t, r)); diff != "" {
		t.Error(diff)
	}
	build.Close() // as the end of that process does
	if err := r.Repair(); err != nil {
		t.Fatal(err)
	}
	if got := left(t, r); !slices.Equal(got, []string{"builds/.empty", "builds/b1"}) {
		t.Error(got)
	}
}

func TestList(t *testing.T) {
	r := open(t)
	put(t, r, "overlays/o2/r1/", "overlays/o1/r2/", "overlays/o1/r1/", "overlays/o1/.rev-r1.json", "overlays/o1/.new-b/", "overlays/No/r/",
		"installations/v2/", "installations/v1/", "builds/b1/", "servers/s1/", "servers/.gone-1/")
	var got []mounter.Ref
	if err := r.List(func(ref mounter.Ref) error { got = append(got, ref); return nil }); err != nil {
		t.Fatal(err)
	}
	revision := func(overlay, id string) mounter.Ref {
		return mounter.Ref{Layer: mounter.Layer{Overlay: overlay, Revision: id}}
	}
	want := []mounter.Ref{{Server: "s1"}, {Build: "b1"}, revision("o1", "r1"), revision("o1", "r2"), revision("o2", "r1"),
		{Layer: mounter.Layer{Release: "v1"}}, {Layer: mounter.Layer{Release: "v2"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	stop := errors.New("stop")
	if err := r.List(func(mounter.Ref) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the caller's error became %v", err)
	}
}

// A record that is damaged is an error with its path, never an empty record.
func TestRecords(t *testing.T) {
	r := open(t)
	put(t, r, "overlays/o1/r1/")
	dir, err := r.Parent(mounter.Layer{Overlay: "o1", Revision: "r1"}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if _, found, err := disk.ReadRecord(dir, "r1"); found || err != nil {
		t.Errorf("an absent record: %t, %v", found, err)
	}
	want := disk.Record{Build: "b1", Dirs: 3, Weight: 1 << 40}
	if err := disk.WriteRecord(dir, "r1", want); err != nil {
		t.Fatal(err)
	}
	if got, found, err := disk.ReadRecord(dir, "r1"); err != nil || !found || !cmp.Equal(got, want) {
		t.Errorf("%+v, %t, %v", got, found, err)
	}
	path := filepath.Join(r.Path, "overlays/o1/.rev-r1.json")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	for name, text := range map[string]string{"cut": `{"Build":"b`, "empty": "", "huge": strings.Repeat(" ", 2<<20) + "{}"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := disk.ReadRecord(dir, "r1"); err == nil {
			t.Errorf("a record that is %s was read", name)
		}
	}
	if err := disk.RemoveRecord(dir, "r1"); err != nil {
		t.Error(err)
	}
	if err := disk.RemoveRecord(dir, "r1"); err != nil {
		t.Error("a second time:", err)
	}
}

// Names on the wire never become other paths, whatever is in them.
func TestNamesStayInside(t *testing.T) {
	r := open(t)
	outside := filepath.Join(filepath.Dir(r.Path), "outside")
	if err := errors.Join(os.Mkdir(outside, 0o755), os.Mkdir(filepath.Join(outside, "r1"), 0o755)); err != nil {
		t.Fatal(err)
	}
	put(t, r, "overlays/o1/r1/", "installations/v1/")
	if err := os.Symlink(outside, filepath.Join(r.Path, "overlays", "o2")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(r.Path, "overlays", "o1", "r2")); err != nil {
		t.Fatal(err)
	}
	for _, l := range []mounter.Layer{
		{}, {Overlay: "o1"}, {Revision: "r1"}, {Overlay: "..", Revision: "r1"}, {Overlay: "o1", Revision: "../o1/r1"},
		{Overlay: "o1", Revision: "r1", Release: "v1"}, {Release: "../overlays"}, {Overlay: "o1", Revision: ".rev-r1"},
		{Overlay: "O1", Revision: "r1"}, {Overlay: strings.Repeat("a", 300), Revision: "r1"}, {Release: "v1\x00"},
	} {
		if err := disk.CheckLayer(l); sdk.CodeOf(err) != sdk.CodeInvalid {
			t.Errorf("%q: %v", l, err)
		}
	}
	for _, l := range []mounter.Layer{{Overlay: "o2", Revision: "r1"}, {Overlay: "o1", Revision: "r2"}} {
		if fd, err := r.Layer(l); err == nil {
			t.Errorf("%s was opened through a link, as %d", l, fd)
		}
		if dir, err := r.Content(l); err == nil {
			t.Errorf("%s was opened through a link, as %s", l, dir.Name())
		}
	}
	for _, l := range []mounter.Layer{{Overlay: "o1", Revision: "r9"}, {Overlay: "o9", Revision: "r1"}, {Release: "v9"}} {
		if _, err := r.Layer(l); sdk.CodeOf(err) != sdk.CodeNotFound {
			t.Errorf("%s: %v", l, err)
		}
	}
}

// A root that others can change is none.
func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, make := range map[string]func(root string) error{
		"a link": func(root string) error { return errors.Join(os.Mkdir(root+"x", 0o755), os.Symlink(root+"x", root)) },
		"a file": func(root string) error { return os.WriteFile(root, nil, 0o644) },
		"part for everybody": func(root string) error {
			return errors.Join(os.Mkdir(root, 0o755), os.Mkdir(root+"/overlays", 0o755), os.Chmod(root+"/overlays", 0o777))
		},
		"part is a link": func(root string) error {
			return errors.Join(os.Mkdir(root, 0o755), os.Symlink("/etc", root+"/servers"))
		},
		"no parent directory": func(string) error { return nil },
	} {
		root := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		if name == "no parent directory" {
			root = filepath.Join(dir, "absent", "content")
		}
		if err := make(root); err != nil {
			t.Fatal(name, err)
		}
		if r, err := disk.Open(root, owners()); err == nil {
			r.Close()
			t.Errorf("%s was taken", name)
		}
	}
}

// Who takes content away waits for those who begin to use it, and the other way round.
func TestGuard(t *testing.T) {
	r := open(t)
	one, err := r.Guard(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	two, err := r.Guard(t.Context(), false)
	if err != nil {
		t.Fatal("two users of content wait for each other:", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Guard(gone, true); err == nil {
		t.Error("content can be taken away while it is used")
	}
	one()
	two()
	alone, err := r.Guard(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Guard(gone, false); err == nil {
		t.Error("content can be used while it is taken away")
	}
	alone()
}

func TestThrow(t *testing.T) {
	r := open(t)
	put(t, r, "servers/s1/upper/deep/file")
	held, err := r.Servers.Open("s1")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	thrown, err := disk.Throw(r.Servers, "s1")
	if err != nil || thrown == "" {
		t.Fatal(thrown, err)
	}
	if there, err := held.Exists("upper"); err != nil || !there {
		t.Error("what is open does not go on working:", err)
	}
	if again, err := disk.Throw(r.Servers, "s1"); again != "" || err != nil {
		t.Error("thrown twice:", again, err)
	}
	if err := errors.Join(disk.Burn(r.Servers, thrown), disk.Burn(r.Servers, "")); err != nil {
		t.Error(err)
	}
	if existed, err := disk.Remove(r.Servers, "s1"); existed || err != nil {
		t.Error(existed, err)
	}
	scratch, remove, err := r.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := scratch.Mkdir("a", 0o755); err != nil {
		t.Error(err)
	}
	if err := remove(); err != nil {
		t.Error(err)
	}
	if got := left(t, r); !slices.Equal(got, []string{"builds/.empty"}) {
		t.Error(got)
	}
}
