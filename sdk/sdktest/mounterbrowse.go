package sdktest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

func mounterBrowse(t T, r *mounterRun) {
	b := r.ready(t)
	big := strings.Repeat("0123456789", mounter.MaxRead/8)
	layer := b.commit("overlay-1", mounter.Layer{}, map[string]any{
		"addons/b.vpk": "second", "addons/a.vpk": big, "addons/sub/inner": "x", "empty": "", "addons/link": symlink("a.vpk"), "way": symlink("addons"),
	})
	b.browseDirs(layer)
	b.browseFiles(layer, big)
	game := b.release(map[string]any{"cfg/server.cfg": "game"})
	if data, _, err := b.ReadFile(b.ctx(), game, "cfg/server.cfg", 0, 100); err != nil || string(data) != "game" {
		t.Errorf("ReadFile of a release: %q, %v", data, err)
	}
	absent := mounter.Layer{Overlay: "overlay-1", Revision: "absent"}
	_, _, err := b.ReadFile(b.ctx(), absent, "f", 0, 1)
	wantCode(t, "ReadFile of an absent layer", err, sdk.CodeNotFound)
	wantCode(t, "ReadDir of an absent layer", b.ReadDir(b.ctx(), absent, "", ignore), sdk.CodeNotFound)
	_, _, err = b.ReadFile(b.ctx(), mounter.Layer{Overlay: "../overlay-1", Revision: layer.Revision}, "empty", 0, 1)
	wantCode(t, "ReadFile with an id that is none", err, sdk.CodeInvalid)
}

func ignore(mounter.Entry) error { return nil }

func (b *bench) browseDirs(layer mounter.Layer) {
	b.Helper()
	list := func(path string) (out []string, err error) {
		err = b.ReadDir(b.ctx(), layer, path, func(e mounter.Entry) error {
			out = append(out, fmt.Sprintf("%s %s %d", e.Name, e.Kind, e.Size))
			return nil
		})
		return out, err
	}
	for path, want := range map[string][]string{
		"":           {"addons directory 0", "empty file 0", "way link 0"},
		"addons":     {fmt.Sprintf("a.vpk file %d", mounter.MaxRead/8*10), "b.vpk file 6", "link link 0", "sub directory 0"},
		"addons/sub": {"inner file 1"},
	} {
		if got, err := list(path); err != nil || !slices.Equal(got, want) {
			b.Errorf("ReadDir of %q: %q, %v, want %q", path, got, err, want)
		}
	}
	for path, code := range map[string]sdk.Code{
		"gone": sdk.CodeNotFound, "empty": sdk.CodePrecondition, "way": sdk.CodePrecondition, "way/sub": sdk.CodePrecondition,
		"..": sdk.CodeInvalid, "/addons": sdk.CodeInvalid, "addons/../addons": sdk.CodeInvalid, ".": sdk.CodeInvalid,
	} {
		_, err := list(path)
		wantCode(b.T, "ReadDir of "+path, err, code)
	}
	enough := errors.New("enough")
	if err := b.ReadDir(b.ctx(), layer, "", func(mounter.Entry) error { return enough }); !errors.Is(err, enough) {
		b.Errorf("ReadDir ended with %v, want the error of report", err)
	}
}

func (b *bench) browseFiles(layer mounter.Layer, big string) {
	b.Helper()
	for _, c := range []struct {
		path           string
		offset, length int64
		want           string
		size           int
	}{
		{"addons/b.vpk", 0, 100, "second", 6},
		{"addons/b.vpk", 2, 3, "con", 6},
		{"addons/b.vpk", 6, 10, "", 6},
		{"addons/b.vpk", 1 << 40, 10, "", 6},
		{"addons/b.vpk", 0, 0, "", 6},
		{"empty", 0, 10, "", 0},
		{"addons/a.vpk", 3, mounter.MaxRead, big[3 : 3+mounter.MaxRead], len(big)},
	} {
		data, size, err := b.ReadFile(b.ctx(), layer, c.path, c.offset, c.length)
		if err != nil || string(data) != c.want || size != int64(c.size) {
			b.Errorf("ReadFile of %q from %d: %d bytes of %d, %v, want %d of %d", c.path, c.offset, len(data), size, err, len(c.want), c.size)
		}
	}
	for path, code := range map[string]sdk.Code{
		"addons/c.vpk": sdk.CodeNotFound, "addons": sdk.CodePrecondition, "addons/link": sdk.CodePrecondition, "way/b.vpk": sdk.CodePrecondition,
		"../f": sdk.CodeInvalid, "/etc/passwd": sdk.CodeInvalid, "addons//b.vpk": sdk.CodeInvalid, "": sdk.CodeInvalid,
	} {
		_, _, err := b.ReadFile(b.ctx(), layer, path, 0, 10)
		wantCode(b.T, "ReadFile of "+path, err, code)
	}
}
