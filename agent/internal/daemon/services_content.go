package daemon

import (
	"context"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/httpapi"
	"github.com/left4me/left4me/agent/internal/reconcile"
)

// contents serves httpapi.Content.
type contents struct {
	sweeper *reconcile.Sweeper
	disk    content.Measurer
}

var _ httpapi.Content = contents{}

func (c contents) Orphans(ctx context.Context) ([]api.Orphan, error) {
	found, err := c.sweeper.Reconciler.Survey(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]api.Orphan, 0, len(found))
	for _, ref := range found {
		usage, err := c.disk.Usage(ctx, ref)
		if err != nil && !fault.Is(err, fault.NotFound) { // a server without an upper has nothing to measure
			return nil, err
		}
		out = append(out, api.Orphan{Content: ref.String(), Bytes: usage.Bytes, Files: usage.Files})
	}
	return out, nil
}

func (c contents) Remove(ctx context.Context, actor string, remove api.OrphanRemove) (api.Job, error) {
	queued, err := c.sweeper.Remove(ctx, actor, remove.Content)
	return showJob(queued), err
}

func (c contents) Sweep(ctx context.Context, actor string) (api.Job, error) {
	queued, err := c.sweeper.Sweep(ctx, actor)
	return showJob(queued), err
}
