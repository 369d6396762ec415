package merged_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/merged"
)

// disk answers listings as a mounter does: what each layer has in a directory, or why it has none. Layers are named by
// their revision, the upper "upper".
type disk struct {
	merged.Disk
	dirs   map[string][]content.Entry
	faults map[string]fault.Code
	opaque map[string]bool
}

func (d disk) list(layer, dir string, report func(content.Entry) error) error {
	if code, is := d.faults[layer+":"+dir]; is {
		return fault.New(code, "It is so.")
	}
	entries, is := d.dirs[layer+":"+dir]
	if !is {
		return fault.New(fault.NotFound, "There is none.")
	}
	for _, e := range entries {
		if err := report(e); err != nil {
			return err
		}
	}
	return nil
}

func (d disk) ReadDir(_ context.Context, layer content.Layer, dir string, report func(content.Entry) error) error {
	return d.list(layer.Revision, dir, report)
}

func (d disk) ReadUpperDir(_ context.Context, _, dir string, report func(content.Entry) error) (bool, error) {
	err := d.list("upper", dir, report)
	return err == nil && d.opaque[dir], err
}

func stackOf(d disk) merged.Stack {
	return merged.Stack{Disk: d, Server: "s", Layers: []merged.Layer{
		{Label: "overlay/a", Layer: content.Layer{Overlay: "a", Revision: "a"}}, {Label: "overlay/b", Layer: content.Layer{Overlay: "b", Revision: "b"}}}}
}

func file(name string) content.Entry { return content.Entry{Name: name, Kind: "file", Size: 1} }
func dir(name string) content.Entry  { return content.Entry{Name: name, Kind: "directory"} }

// lines shows items as "name kind from +also -hides".
func lines(items []merged.Item) (out []string) {
	for _, i := range items {
		line := i.Name + " " + i.Kind + " " + i.Layer
		for _, l := range i.Also {
			line += " +" + l
		}
		for _, l := range i.Hides {
			line += " -" + l
		}
		if i.Deleted {
			line += " deleted"
		}
		out = append(out, line)
	}
	return out
}

// The rules of overlayfs, one by one.
func TestListFollowsOverlayfs(t *testing.T) {
	for name, c := range map[string]struct {
		disk disk
		path string
		want []string
		code fault.Code
	}{
		"highest wins": {disk: disk{dirs: map[string][]content.Entry{"upper:": {file("x")}, "a:": {file("x"), file("y")}, "b:": {file("y")}}},
			want: []string{"x file server -overlay/a", "y file overlay/a -overlay/b"}},
		"directories merge until a file": {disk: disk{dirs: map[string][]content.Entry{"upper:": {dir("x")}, "a:": {file("x")}, "b:": {dir("x")}}},
			want: []string{"x directory server -overlay/a -overlay/b"}},
		"directories of all layers": {disk: disk{dirs: map[string][]content.Entry{"a:": {dir("x")}, "b:": {dir("x")}}}, want: []string{"x directory overlay/a +overlay/b"}},
		"a deletion is told as what it was": {disk: disk{dirs: map[string][]content.Entry{"upper:": {{Name: "x", Kind: "whiteout"}, {Name: "y", Kind: "whiteout"}}, "b:": {dir("x")}}},
			want: []string{"x directory server -overlay/b deleted"}},
		"an opaque directory hides those below": {disk: disk{dirs: map[string][]content.Entry{"upper:": {{Name: "x", Kind: "directory", Opaque: true}}, "a:": {dir("x")}}},
			want: []string{"x directory server -overlay/a"}},
		"in an opaque directory": {path: "x", disk: disk{dirs: map[string][]content.Entry{"upper:x": {file("f")}, "a:x": {file("f"), file("g")}}, opaque: map[string]bool{"x": true}},
			want: []string{"f file server"}},
		"below an opaque directory": {path: "x/y/z", disk: disk{dirs: map[string][]content.Entry{"upper:x": {}, "upper:": {}, "a:x/y/z": {file("g")}}, opaque: map[string]bool{"x": true}},
			code: fault.NotFound},
		"below a deleted directory": {path: "x/y", disk: disk{dirs: map[string][]content.Entry{"a:x/y": {file("g")}}, faults: map[string]fault.Code{"upper:x/y": fault.Precondition}},
			code: fault.NotFound},
		"a link in a layer stops those below": {path: "x", disk: disk{dirs: map[string][]content.Entry{"upper:x": {file("f")}, "b:x": {file("g")}}, faults: map[string]fault.Code{"a:x": fault.Precondition}},
			want: []string{"f file server"}},
		"too many":        {path: "x", disk: disk{faults: map[string]fault.Code{"upper:x": fault.Conflict}}, code: fault.Conflict},
		"the disk is off": {disk: disk{faults: map[string]fault.Code{"upper:": fault.Unavailable}}, code: fault.Unavailable},
		"nothing at all":  {disk: disk{}},
		"a way out":       {path: "../x", code: fault.Invalid},
		"too deep":        {path: strings.Repeat("x/", 64) + "x", code: fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			items, err := stackOf(c.disk).List(t.Context(), c.path)
			if c.code != "" {
				if !fault.Is(err, c.code) {
					t.Fatalf("%v, want %s", err, c.code)
				}
				return
			}
			if diff := cmp.Diff(c.want, lines(items)); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

// A name that is not UTF-8 is shown, and no request reaches it or its neighbour by mistake.
func TestNamesThatCannotBeAsked(t *testing.T) {
	s := stackOf(disk{dirs: map[string][]content.Entry{"upper:": {file("a\uFFFD")}}})
	items, err := s.List(t.Context(), "")
	if err != nil || len(items) != 1 || !items[0].Unnamed {
		t.Fatalf("%+v, %v", items, err)
	}
	if _, err := s.Find(t.Context(), "a\uFFFD"); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
}

// FuzzCheckPath: what passes stays within a tree, on any system.
func FuzzCheckPath(f *testing.F) {
	for _, seed := range []string{"a/b", "..", "/a", "a//b", "a/../b", "a\x00", ".", "", "\xff", strings.Repeat("a/", 70)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if merged.CheckPath(path) != nil {
			return
		}
		for part := range strings.SplitSeq(path, "/") {
			if part == "" || part == "." || part == ".." || strings.ContainsRune(part, 0) {
				t.Errorf("%q passed", path)
			}
		}
	})
}
