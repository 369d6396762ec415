package daemon

import (
	"context"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/config"
	"github.com/left4me/left4me/agent/internal/httpapi"
	"github.com/left4me/left4me/agent/internal/installation"
	"github.com/left4me/left4me/agent/internal/rollout"
	"github.com/left4me/left4me/agent/internal/server"
)

// releases serves httpapi.Releases and httpapi.Installation.
type releases struct {
	config   config.Installation
	manager  *installation.Manager
	rollouts *rollout.Manager
	store    installation.Store
	servers  server.Store
}

var (
	_ httpapi.Releases     = releases{}
	_ httpapi.Installation = releases{}
)

func (r releases) List(ctx context.Context) ([]api.Release, error) {
	rows, err := r.store.Releases(ctx)
	if err != nil {
		return nil, err
	}
	servers, err := r.servers.Servers(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]api.Release, len(rows))
	for i, row := range rows {
		out[i] = showRelease(row)
		for _, s := range servers {
			for _, layer := range s.Layers {
				if layer.Release == row.ID {
					out[i].UsedBy = append(out[i].UsedBy, s.Name)
				}
			}
			if s.Release == row.ID {
				out[i].PinnedBy = append(out[i].PinnedBy, s.Name)
			}
		}
	}
	return out, nil
}

func showRelease(row installation.Release) api.Release {
	return api.Release{ID: row.ID, Version: row.Version, Build: row.Build, Current: row.Current, Held: row.Held, Bytes: row.Usage.Bytes,
		SharedBytes: row.Usage.SharedBytes, Files: row.Usage.Files, CreatedAt: row.CreatedAt}
}

func (r releases) Install(ctx context.Context, actor string, in api.ReleaseInstall) (api.Job, error) {
	return shown(r.manager.Install(ctx, actor, installation.Order(in)))
}

func (r releases) Remove(ctx context.Context, actor, id string) (api.Job, error) {
	return shown(r.manager.Remove(ctx, actor, id))
}

func (r releases) Installation(ctx context.Context) (api.Installation, error) {
	known, err := r.store.Knowledge(ctx)
	if err != nil {
		return api.Installation{}, err
	}
	all, err := r.store.Releases(ctx)
	if err != nil {
		return api.Installation{}, err
	}
	out := api.Installation{Source: r.config.Source, Plugin: r.config.Plugin, Update: r.config.Update, Newest: known.Newest, Notes: known.Notes,
		Problem: known.Problem, CheckedAt: optional(known.CheckedAt), HintedAt: optional(known.HintedAt), HintedBy: known.HintedBy}
	if len(all) > 0 {
		out.Outdated = known.Outdated(all[0])
	}
	return out, nil
}

func (r releases) Check(ctx context.Context, actor string) (api.Job, error) {
	return shown(r.manager.Check(ctx, actor))
}

func (r releases) Choose(ctx context.Context, actor string, in api.ReleaseChoice) (api.Release, error) {
	chosen, err := r.manager.Choose(ctx, actor, installation.Choice(in))
	return showRelease(chosen), err
}

func (r releases) RollOut(ctx context.Context, actor string, in api.Rollout) (api.Job, error) {
	return shown(r.rollouts.Start(ctx, actor, rollout.Order{Within: time.Duration(in.WithinSeconds) * time.Second, Servers: in.Servers}))
}
