package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/server"
)

// MounterReturned puts right what could not be done while the mounter was away: staging trees of jobs that
// failed meanwhile, and trees of servers that ended. Jobs may run at the same time.
func (r *Reconciler) MounterReturned(ctx context.Context) error {
	_, err := r.Survey(ctx)
	return errors.Join(err, r.releaseTrees(ctx))
}

// releaseTrees asks for the end of trees whose game does not run.
func (r *Reconciler) releaseTrees(ctx context.Context) error {
	mounts, err := r.Disk.Mounts(ctx)
	if err != nil {
		return fmt.Errorf("list mounts: %w", err)
	}
	units, err := r.Units.List(ctx)
	if err != nil {
		return fmt.Errorf("list units: %w", err)
	}
	servers, err := r.Store.Servers(ctx)
	if err != nil {
		return fmt.Errorf("read servers: %w", err)
	}
	runs := func(id string) bool {
		return slices.ContainsFunc(units, func(u server.UnitStatus) bool {
			return u.Server == id && (u.State == server.UnitActive || u.State == server.UnitStopping)
		})
	}
	for _, s := range servers {
		mounted := slices.ContainsFunc(mounts, func(m content.Mount) bool { return m.Server == s.ID && !m.Foreign })
		if !mounted || runs(s.ID) {
			continue
		}
		if err := r.Servers.Release(ctx, s.ID); err != nil {
			return err
		}
	}
	return nil
}
