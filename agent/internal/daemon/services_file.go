package daemon

import (
	"context"
	"io"
	"path"
	"slices"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/httpapi"
	"github.com/left4me/left4me/agent/internal/merged"
	"github.com/left4me/left4me/agent/internal/server"
)

// files serves httpapi.Files.
type files struct {
	manager *server.Manager
}

var _ httpapi.Files = files{}

func (f files) List(ctx context.Context, name, directory string) (api.Directory, error) {
	found, err := f.manager.ListFiles(ctx, name, directory)
	out := api.Directory{Path: directory, Started: found.Started, Missing: found.Missing}
	for _, item := range found.Items {
		out.Entries = append(out.Entries, api.FileInfo{Name: item.Name, Kind: item.Kind, Bytes: item.Size, Layer: item.Layer,
			Deleted: item.Deleted, Also: item.Also, Hides: item.Hides, Unnamed: item.Unnamed,
			Generated: slices.Contains(found.Generated, path.Join(directory, item.Name))})
	}
	return out, err
}

func (f files) Open(ctx context.Context, name, path, layer string) (io.ReadSeeker, string, error) {
	file, err := f.manager.OpenFile(ctx, name, path, layer)
	if err != nil {
		return nil, "", err
	}
	return file, file.Layer, nil
}

func (f files) Put(ctx context.Context, actor, name, path, was string, text []byte) error {
	return f.manager.PutFile(ctx, actor, name, path, was, text)
}

func (f files) Reset(ctx context.Context, actor, name, path string) error {
	return f.manager.ResetPath(ctx, actor, name, path)
}

func (f files) Collisions(ctx context.Context, name string) (api.Collisions, error) {
	found, err := f.manager.Collisions(ctx, name)
	out := api.Collisions{Count: found.Total, Files: found.Files, Cut: found.Cut}
	for _, c := range found.List {
		shown := api.Collision{Path: c.Path, Winner: showHolder(c.Winner)}
		for _, loser := range c.Losers {
			shown.Losers = append(shown.Losers, showHolder(loser))
		}
		out.Collisions = append(out.Collisions, shown)
	}
	return out, err
}

func showHolder(h merged.Holder) api.Holder { return api.Holder{Layer: h.Layer, Bytes: h.Size} }
