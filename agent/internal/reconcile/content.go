package reconcile

import (
	"context"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/server"
)

// known is what the rows say should be on disk.
type known struct {
	layers  map[content.Layer]bool
	servers map[string]server.Server
}

// content removes what interrupted jobs left and remembers what nobody knows.
func (r *Reconciler) content(ctx context.Context, servers map[string]server.Server) error {
	// Read the disk before the rows: what is committed in between then has its row.
	refs, err := r.Disk.List(ctx)
	if err != nil {
		return err
	}
	rows, err := r.known(ctx, servers)
	if err != nil {
		return err
	}
	var orphans []content.Ref
	for _, ref := range refs {
		orphan, err := r.look(ctx, ref, rows)
		if err != nil {
			return err
		}
		if orphan {
			orphans = append(orphans, ref)
			r.Log.Warn("content that nobody knows", "content", ref.String())
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.orphans = orphans
	return nil
}

func (r *Reconciler) known(ctx context.Context, servers map[string]server.Server) (known, error) {
	rows := known{layers: map[content.Layer]bool{}, servers: servers}
	overlays, err := r.Store.Overlays(ctx)
	if err != nil {
		return rows, err
	}
	for _, o := range overlays {
		revisions, err := r.Store.Revisions(ctx, o.ID)
		if err != nil {
			return rows, err
		}
		for _, revision := range revisions {
			rows.layers[revision.Layer()] = true
		}
	}
	releases, err := r.Store.Releases(ctx)
	for _, release := range releases {
		rows.layers[release.Layer()] = true
	}
	return rows, err
}

// look deals with one piece of content and tells whether it is an orphan.
func (r *Reconciler) look(ctx context.Context, ref content.Ref, rows known) (orphan bool, err error) {
	job := ref.Build
	switch {
	case ref.Server != "":
		_, ok := rows.servers[ref.Server]
		return !ok, nil
	case rows.layers[ref.Layer]:
		return false, nil
	case job == "":
		// A revision or release bears the id of the job that made it. Without a row it was committed on
		// disk and the agent died before the transaction.
		job = ref.Layer.Revision + ref.Layer.Release
	}
	ended, known, err := r.ended(ctx, job)
	if err != nil || !known || !ended {
		return err == nil && !known, err
	}
	if ref.Build != "" {
		err = r.Disk.Discard(ctx, ref.Build)
	} else {
		err = r.Disk.Remove(ctx, ref)
	}
	if fault.Is(err, fault.Precondition) { // a server still runs with it; the next look finds it again
		r.Log.Info("content of an ended job is in use", "content", ref.String(), "reason", err)
		return false, nil
	}
	if err == nil {
		r.Log.Info("removed what an ended job left", "content", ref.String())
	}
	return false, err
}
