package reconcile

import (
	"context"
	"fmt"
	"slices"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/server"
)

// Orphans returns the content that the last look found without an owner.
func (r *Reconciler) Orphans() []content.Ref {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.orphans)
}

// Survey compares the content on disk with the rows, as Run does among other things: it removes what ended
// jobs left and finds the orphans anew.
func (r *Reconciler) Survey(ctx context.Context) ([]content.Ref, error) {
	r.running.Lock()
	defer r.running.Unlock()
	return r.survey(ctx)
}

func (r *Reconciler) survey(ctx context.Context) ([]content.Ref, error) {
	servers, err := r.Store.Servers(ctx)
	if err != nil {
		return nil, fmt.Errorf("read servers: %w", err)
	}
	byID := make(map[string]server.Server, len(servers))
	for _, s := range servers {
		byID[s.ID] = s
	}
	if err := r.content(ctx, byID); err != nil {
		return nil, err
	}
	return r.Orphans(), nil
}

// RemoveOrphan removes one piece of content that nobody knows, after looking whether that is so. NotFound: it is
// none. Precondition: a mount uses it.
func (r *Reconciler) RemoveOrphan(ctx context.Context, actor string, ref content.Ref) error {
	r.running.Lock()
	defer r.running.Unlock()
	orphans, err := r.survey(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(orphans, ref) {
		return fault.New(fault.NotFound, "%s is not content that belongs to nothing.", ref).
			WithHint("List it with: left4me content orphans")
	}
	if ref.Build != "" {
		err = r.Disk.Discard(ctx, ref.Build)
	} else {
		err = r.Disk.Remove(ctx, ref)
	}
	if err != nil {
		return err
	}
	if _, err := r.survey(ctx); err != nil {
		return err
	}
	return r.Store.AddEvent(ctx, event.Event{Time: r.Now(), Kind: "content.removed", Subject: "content", Actor: actor,
		Message: "Removed " + ref.String() + ", which belonged to nothing."})
}
