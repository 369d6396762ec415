package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// dirLayers is the largest number of layers a DirMounter stacks.
const dirLayers = 200

// DirSettings are the operator's settings of a [DirMounter].
type DirSettings struct {
	Root string `json:"root,omitempty" jsonschema:"the directory that holds all content"`
}

// DirMounter is a complete mounter that needs no privilege: a mount is a copy of its layers. What a
// game changed in the copy becomes the server's upper at Unmount.
//
// Beneath its root it has installations/<release>, overlays/<overlay>/<revision>,
// builds/<build>/{tree,base.json}, servers/<server>/{upper,tree,mount.json,gone.json} and
// commits/<build>.json.
type DirMounter struct {
	*mounter.Plugin

	mu       sync.Mutex
	root     string
	holders  map[string]int
	watchers map[*watcher]struct{}
}

// NewDirMounter returns a DirMounter. An empty root makes the setting "root" required.
func NewDirMounter(name, root string) *DirMounter {
	d := &DirMounter{root: root, holders: map[string]int{}, watchers: map[*watcher]struct{}{}}
	decoder, err := sdk.NewDecoder[DirSettings](func(schema *jsonschema.Schema) {
		schema.Examples = []any{map[string]any{"root": "{dir}/content"}}
	})
	if err != nil {
		panic(err) // DirSettings has a schema
	}
	schema, err := json.Marshal(decoder.Schema())
	if err != nil {
		panic(err)
	}
	info := sdk.Info{Name: name, Version: "1.2.3", PluginSchema: schema, Doc: "Mounts by copying, for tests."}
	configure := func(_ context.Context, settings sdk.Settings) ([]sdk.Diagnostic, error) {
		typed, found := decoder.Decode(settings.JSON)
		if sdk.HasErrors(found) {
			return found, nil
		}
		return d.configure(typed), nil
	}
	d.Plugin = mounter.New(info, dirMounter{d}, configure, nil)
	return d
}

// Hold makes Unmount of a server answer that it is busy, until release is called.
func (d *DirMounter) Hold(server string) (release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.holders[server]++
	return sync.OnceFunc(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.holders[server]--
	})
}

func (d *DirMounter) configure(settings DirSettings) []sdk.Diagnostic {
	d.mu.Lock()
	defer d.mu.Unlock()
	root := d.root
	if settings.Root != "" {
		root = settings.Root
	}
	if !filepath.IsAbs(root) {
		return []sdk.Diagnostic{{
			Severity: sdk.SeverityError, Code: "dir.root", Summary: "The root is not an absolute path.",
			Detail: "Set root to a directory of the mounter's own.", Pointer: "/root",
		}}
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return []sdk.Diagnostic{{
			Severity: sdk.SeverityError, Code: "dir.root", Summary: "The root cannot be made.",
			Detail: err.Error(), Pointer: "/root",
		}}
	}
	d.root = filepath.Clean(root)
	return nil
}

// dirMounter keeps the methods of mounter.Mounter apart from those of the tests.
type dirMounter struct{ *DirMounter }

// Probe implements mounter.Mounter.
func (d dirMounter) Probe(context.Context) (mounter.Probe, error) {
	return mounter.Probe{
		Filesystem: "copy",
		MaxLayers:  dirLayers,
		Features:   map[string]string{"mount": "copy"},
	}, nil
}

func (d *DirMounter) path(elements ...string) string {
	return filepath.Join(append([]string{d.root}, elements...)...)
}

func (d *DirMounter) layerDir(l mounter.Layer) string {
	if l.Release != "" {
		return d.path("installations", l.Release)
	}
	return d.path("overlays", l.Overlay, l.Revision)
}

// exists reports whether a directory or file is there. An unreadable one counts as there.
func exists(name string) bool {
	_, err := os.Lstat(name)
	return !errors.Is(err, os.ErrNotExist)
}

// needLayer returns the directory of a layer or why there is none.
func (d *DirMounter) needLayer(l mounter.Layer) (string, error) {
	if err := mounter.CheckLayer(l); err != nil {
		return "", err
	}
	dir := d.layerDir(l)
	if !exists(dir) {
		return "", sdk.Errorf(sdk.CodeNotFound, "There is no layer %s.", l)
	}
	return dir, nil
}

// readJSON reads a small file of the mounter's own; found is false when there is none.
func readJSON(name string, value any) (found bool, err error) {
	raw, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, json.Unmarshal(raw, value)
}

// writeJSON replaces a small file of the mounter's own.
func writeJSON(name string, value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(name+".new", raw, 0o644); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
