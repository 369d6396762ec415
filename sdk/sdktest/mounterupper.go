package sdktest

import (
	"fmt"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// secretOutside is what a hostile upper points at.
const secretOutside = "must not be read"

// upperServer mounts a server over a layer, lets its game write, delete and lay traps, and returns where a secret lies.
func (b *bench) upperServer(server string) (layer mounter.Layer, tree, outside string) {
	b.Helper()
	layer = b.commit("overlay-1", mounter.Layer{}, map[string]any{
		"cfg/a.cfg": "lower a", "cfg/b.cfg": "lower b", "maps/x.bsp": "map", "logs/old.log": "log",
	})
	tree = b.mount(server, layer)
	outside = b.TempDir()
	b.write(outside, map[string]any{"secret": secretOutside})
	b.write(tree, map[string]any{"cfg/a.cfg": nil, "maps": nil, "logs": nil})
	b.write(tree, map[string]any{
		"cfg/a.cfg": "mine", "cfg/b.cfg": nil, "logs/new.log": "new",
		"link": symlink(outside + "/secret"), "way": symlink(outside), "up": symlink("../../../../etc"),
	})
	if err := syscall.Mkfifo(filepath.Join(b.path(tree), "pipe"), 0o600); err != nil {
		b.Fatalf("make a pipe: %v", err)
	}
	return layer, tree, outside
}

func mounterUpperBrowse(t T, r *mounterRun) {
	b := r.ready(t)
	const server = "server-1"
	_, err := b.ReadUpperDir(b.ctx(), server, "", ignore)
	wantCode(t, "ReadUpperDir of a server that never was", err, sdk.CodeNotFound)
	b.upperServer(server)
	for _, when := range []string{"mounted", "not mounted"} {
		b.upperDirs(when, server)
		b.upperFiles(when, server)
		if when == "mounted" {
			b.unmount(server)
		}
	}
	for _, id := range []string{"../server-1", "", "Server"} {
		_, err := b.ReadUpperDir(b.ctx(), id, "", ignore)
		wantCode(t, "ReadUpperDir of the server "+id, err, sdk.CodeInvalid)
		_, _, err = b.ReadUpperFile(b.ctx(), id, "cfg/a.cfg", 0, 1)
		wantCode(t, "ReadUpperFile of the server "+id, err, sdk.CodeInvalid)
	}
}

// upperDirs looks at the listings. A mounter may list the pipe or not keep it; it never shows it as a file.
func (b *bench) upperDirs(when, server string) {
	b.Helper()
	list := func(path string) (out []string, opaque bool) {
		opaque, err := b.ReadUpperDir(b.ctx(), server, path, func(e mounter.Entry) error {
			if e.Kind != mounter.Other {
				out = append(out, fmt.Sprintf("%s %s %d", e.Name, e.Kind, e.Size))
			}
			return nil
		})
		if err != nil {
			b.Errorf("%s: ReadUpperDir of %q: %v", when, path, err)
		}
		return out, opaque
	}
	for path, want := range map[string][]string{
		"":    {"cfg directory 0", "link link 0", "logs directory 0", "maps whiteout 0", "up link 0", "way link 0"},
		"cfg": {"a.cfg file 4", "b.cfg whiteout 0"},
	} {
		if got, _ := list(path); !slices.Equal(got, want) {
			b.Errorf("%s: ReadUpperDir of %q gave %q, want %q", when, path, got, want)
		}
	}
	logs, opaque := list("logs")
	if !slices.Contains(logs, "new.log file 3") || !opaque && !slices.Contains(logs, "old.log whiteout 0") {
		b.Errorf("%s: ReadUpperDir of a directory made anew does not hide the old one: %q, opaque %t", when, logs, opaque)
	}
	for path, code := range map[string]sdk.Code{
		"gone": sdk.CodeNotFound, "maps": sdk.CodePrecondition, "way": sdk.CodePrecondition, "up": sdk.CodePrecondition, "cfg/a.cfg": sdk.CodePrecondition,
		"..": sdk.CodeInvalid, "/cfg": sdk.CodeInvalid, "cfg/../cfg": sdk.CodeInvalid, "a\x00b": sdk.CodeInvalid,
	} {
		_, err := b.ReadUpperDir(b.ctx(), server, path, ignore)
		wantCode(b.T, when+": ReadUpperDir of "+path, err, code)
	}
}

func (b *bench) upperFiles(when, server string) {
	b.Helper()
	data, size, err := b.ReadUpperFile(b.ctx(), server, "cfg/a.cfg", 1, 2)
	if err != nil || string(data) != "in" || size != 4 {
		b.Errorf("%s: ReadUpperFile gave %q of %d, %v", when, data, size, err)
	}
	for path, codes := range map[string][]sdk.Code{
		"link": {sdk.CodePrecondition}, "way/secret": {sdk.CodePrecondition}, "up/passwd": {sdk.CodePrecondition}, "cfg": {sdk.CodePrecondition},
		"pipe": {sdk.CodePrecondition, sdk.CodeNotFound}, "cfg/b.cfg": {sdk.CodePrecondition}, "cfg/none": {sdk.CodeNotFound},
		"../x": {sdk.CodeInvalid}, "/etc/passwd": {sdk.CodeInvalid}, "": {sdk.CodeInvalid},
	} {
		data, _, err := b.ReadUpperFile(b.ctx(), server, path, 0, 100)
		if len(data) > 0 || !slices.Contains(codes, sdk.CodeOf(err)) {
			b.Errorf("%s: ReadUpperFile of %q gave %q, %v, want one of %q", when, path, data, err, codes)
		}
	}
}

func mounterRemovePath(t T, r *mounterRun) {
	b := r.ready(t)
	const server = "server-1"
	remove := func(path string, want bool) {
		t.Helper()
		if existed, err := b.RemovePath(b.ctx(), server, path); err != nil || existed != want {
			t.Errorf("RemovePath of %q: existed %t, %v, want %t", path, existed, err, want)
		}
	}
	remove("cfg/a.cfg", false) // the server never was
	layer, _, outside := b.upperServer(server)
	_, err := b.RemovePath(b.ctx(), server, "cfg/a.cfg")
	wantCode(t, "RemovePath while mounted", err, sdk.CodePrecondition)
	b.unmount(server)
	for _, path := range []string{"..", "/etc", "cfg/../cfg", ""} {
		_, err := b.RemovePath(b.ctx(), server, path)
		wantCode(t, "RemovePath of "+path, err, sdk.CodeInvalid)
	}
	_, err = b.RemovePath(b.ctx(), "../"+server, "cfg")
	wantCode(t, "RemovePath of a server that is none", err, sdk.CodeInvalid)
	remove("way/secret", false) // what a link leads to is elsewhere
	for _, path := range []string{"cfg/a.cfg", "cfg/b.cfg", "maps", "logs", "way", "link", "up"} {
		remove(path, true)
		remove(path, false)
	}
	b.wantContent("outside, after all removals", outside, map[string]string{"secret": secretOutside})
	b.wantContent("mounted after the reset of paths", b.mount(server, layer), map[string]string{
		"cfg/a.cfg": "lower a", "cfg/b.cfg": "lower b", "maps/x.bsp": "map", "logs/old.log": "log",
	})
}
