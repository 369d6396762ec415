package agenttest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/merged"
)

// Values of [Agent.SetFiles] that are no text.
const (
	FileDeleted = "\x00deleted" // what the layers below have is deleted
	FileLink    = "\x00link"
	FilePipe    = "\x00pipe"
)

// SetFiles replaces the files of one place: "server/NAME" (what it wrote), "overlay/NAME" or "game".
func (a *Agent) SetFiles(place string, files map[string]string) {
	defer a.w.lock()()
	a.w.files[place] = maps.Clone(files)
	a.w.change()
}

// FileText returns a file of a place.
func (a *Agent) FileText(place, path string) (text string, found bool) {
	defer a.w.lock()()
	text, found = a.w.files[place][path]
	return text, found
}

// fileDisk is the mounter of a world: the place of an upper is "server/NAME"; layers are named as overlay, or game.
type fileDisk struct{ *world }

func (d fileDisk) ReadFile(_ context.Context, layer content.Layer, name string, offset, length int64) ([]byte, int64, error) {
	return d.read(place(layer), name, offset, length)
}

func (d fileDisk) ReadUpperFile(_ context.Context, server, name string, offset, length int64) ([]byte, int64, error) {
	return d.read("server/"+server, name, offset, length)
}

func (d fileDisk) ReadDir(_ context.Context, layer content.Layer, name string, report func(content.Entry) error) error {
	return d.list(place(layer), name, report)
}

func (d fileDisk) ReadUpperDir(_ context.Context, server, name string, report func(content.Entry) error) (bool, error) {
	return false, d.list("server/"+server, name, report)
}

func (d fileDisk) RemovePath(_ context.Context, server, name string) (bool, error) {
	defer d.lock()()
	before := len(d.files["server/"+server])
	maps.DeleteFunc(d.files["server/"+server], func(p, _ string) bool { return p == name || strings.HasPrefix(p, name+"/") })
	return len(d.files["server/"+server]) < before, nil
}

func (d fileDisk) Diff(_ context.Context, overlay, _, _ string, report func(content.Change) error) error {
	unlock := d.lock()
	all := maps.Clone(d.files["overlay/"+overlay])
	unlock()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := report(content.Change{Kind: "added", Path: name, Size: uint64(len(all[name]))}); err != nil {
			return err
		}
	}
	return nil
}

func place(layer content.Layer) string {
	if layer.Overlay != "" {
		return "overlay/" + layer.Overlay
	}
	return "game"
}

func (d fileDisk) read(place, name string, offset, length int64) ([]byte, int64, error) {
	defer d.lock()()
	text, is := d.files[place][name]
	if !is {
		return nil, 0, fault.New(fault.NotFound, "There is no %q.", name)
	}
	if kindOf(text) != "file" {
		return nil, 0, fault.New(fault.Precondition, "%q is not a file.", name)
	}
	size := int64(len(text))
	from := min(offset, size)
	return []byte(text[from:min(from+length, size)]), size, nil
}

func kindOf(text string) string {
	switch text {
	case FileDeleted:
		return "whiteout"
	case FileLink:
		return "link"
	case FilePipe:
		return "other"
	}
	return "file"
}

func (d fileDisk) list(place, name string, report func(content.Entry) error) error {
	entries, err := d.entries(place, name)
	for _, entry := range entries {
		if err := report(entry); err != nil {
			return err
		}
	}
	return err
}

func (d fileDisk) entries(place, name string) ([]content.Entry, error) {
	defer d.lock()()
	all := d.files[place]
	for above := name; above != "." && above != ""; above = path.Dir(above) {
		if _, is := all[above]; is {
			return nil, fault.New(fault.Precondition, "%q is no directory.", above)
		}
	}
	found := map[string]content.Entry{}
	for full, text := range all {
		rest, in := strings.CutPrefix(full, strings.TrimPrefix(name+"/", "/"))
		if !in {
			continue
		}
		first, _, deeper := strings.Cut(rest, "/")
		if deeper {
			found[first] = content.Entry{Name: first, Kind: "directory"}
		} else if found[first] = (content.Entry{Name: first, Kind: kindOf(text)}); kindOf(text) == "file" {
			found[first] = content.Entry{Name: first, Kind: "file", Size: int64(len(text))}
		}
	}
	if len(found) == 0 && name != "" {
		return nil, fault.New(fault.NotFound, "There is no %q.", name)
	}
	out := make([]content.Entry, 0, len(found))
	for _, key := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[key])
	}
	return out, nil
}

// fileView serves httpapi.Files. The merged view is the agent's own.
type fileView struct{ *world }

func (v fileView) stack(name string) (merged.Stack, *gameServer, error) {
	defer v.lock()()
	s, ok := v.servers[name]
	if !ok {
		return merged.Stack{}, nil, notFound("server", name)
	}
	out := merged.Stack{Disk: fileDisk(v), Server: name}
	for _, overlay := range v.blueprints[s.Blueprint].Overlays {
		out.Layers = append(out.Layers, merged.Layer{Label: "overlay/" + overlay, Layer: content.Layer{Overlay: overlay, Revision: "r"}})
	}
	out.Layers = append(out.Layers, merged.Layer{Label: merged.Game, Layer: content.Layer{Release: "g"}})
	return out, s, nil
}

func (v fileView) List(ctx context.Context, name, directory string) (api.Directory, error) {
	stack, s, err := v.stack(name)
	if err != nil {
		return api.Directory{}, err
	}
	items, err := stack.List(ctx, directory)
	out := api.Directory{Path: directory, Started: s.State != "offline"}
	for _, item := range items {
		out.Entries = append(out.Entries, api.FileInfo{Name: item.Name, Kind: item.Kind, Bytes: item.Size, Layer: item.Layer, Deleted: item.Deleted,
			Also: item.Also, Hides: item.Hides, Unnamed: item.Unnamed, Generated: generated(path.Join(directory, item.Name))})
	}
	return out, err
}

func generated(name string) bool { return name == "left4dead2/cfg/server.cfg" }

func (v fileView) Open(ctx context.Context, name, path, layer string) (io.ReadSeeker, string, error) {
	stack, _, err := v.stack(name)
	if err != nil {
		return nil, "", err
	}
	file, err := stack.Open(ctx, path, layer, "")
	if err != nil {
		return nil, "", err
	}
	return file, file.Layer, nil
}

func (v fileView) Put(ctx context.Context, actor, name, path, was string, text []byte) error {
	stack, _, err := v.stack(name)
	if err == nil {
		err = merged.CheckPath(path)
	}
	if err != nil {
		return err
	}
	if generated(path) {
		return fault.New(fault.Precondition, "%q is written anew at each start.", path).WithHint("Change the blueprint instead.")
	}
	if was != "" {
		file, err := stack.Open(ctx, path, "", "")
		if err != nil {
			return err
		}
		now, err := io.ReadAll(file)
		if sum := sha256.Sum256(now); err == nil && hex.EncodeToString(sum[:]) != was {
			err = fault.New(fault.Conflict, "%q was changed meanwhile.", path).WithHint("Open it again and put your change in.")
		}
		if err != nil {
			return err
		}
	}
	defer v.lock()()
	if v.files["server/"+name] == nil {
		v.files["server/"+name] = map[string]string{}
	}
	v.files["server/"+name][path] = string(text)
	v.record("server.file_written", "server/"+name, actor, "File %q was written, %d bytes.", path, len(text))
	return nil
}

func (v fileView) Reset(ctx context.Context, actor, name, path string) error {
	_, s, err := v.stack(name)
	if err == nil {
		err = merged.CheckPath(path)
	}
	if err != nil {
		return err
	}
	if s.State != "offline" {
		return fault.New(fault.Precondition, "Cannot reset files of server %q while it is %s.", name, s.State).WithHint("Stop it first.")
	}
	existed, err := fileDisk(v).RemovePath(ctx, name, path)
	if err != nil {
		return err
	}
	if !existed {
		return fault.New(fault.NotFound, "The server wrote nothing at %q.", path).WithHint("A directory above it may be deleted or new; reset that one.")
	}
	defer v.lock()()
	v.record("server.file_reset", "server/"+name, actor, "What the server had at %q was thrown away.", path)
	return nil
}

func (v fileView) Collisions(ctx context.Context, name string) (api.Collisions, error) {
	stack, _, err := v.stack(name)
	if err != nil {
		return api.Collisions{}, err
	}
	found, err := (&merged.Collider{Files: fileDisk(v)}).Look(ctx, stack.Layers)
	out := api.Collisions{Count: found.Total, Files: found.Files}
	for _, c := range found.List {
		shown := api.Collision{Path: c.Path, Winner: api.Holder{Layer: c.Winner.Layer, Bytes: c.Winner.Size}}
		for _, loser := range c.Losers {
			shown.Losers = append(shown.Losers, api.Holder{Layer: loser.Layer, Bytes: loser.Size})
		}
		out.Collisions = append(out.Collisions, shown)
	}
	return out, err
}
