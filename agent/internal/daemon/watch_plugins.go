package daemon

import (
	"context"
	"time"

	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/pluginhost"
	"github.com/left4me/left4me/sdk"
)

// watchPlugins records that a plugin is down for good, and looks after what was left undone whenever the mounter comes
// back. Its first start is begin's.
func (a *Agent) watchPlugins(ctx context.Context) error {
	away, given := map[string]bool{}, map[string]time.Time{}
	_ = a.plugins.Watch(ctx, func(status pluginhost.Status) error { // ends with ctx
		// The end tells failures apart: a restart that fails again at once may never be seen as a start.
		if status.State == pluginhost.Failed && !given[status.Name].Equal(status.LastExitAt) {
			given[status.Name] = status.LastExitAt
			a.pluginFailed(ctx, status)
		}
		if status.Kind == sdk.KindMounter {
			a.mounterMoved(ctx, away, status)
		}
		return nil
	})
	return nil
}

func (a *Agent) pluginFailed(ctx context.Context, status pluginhost.Status) {
	message := status.Description
	if status.Hint != "" {
		message += " " + status.Hint
	}
	err := a.db.AddEvent(ctx, event.Event{Time: time.Now(), Kind: "plugin.failed", Subject: "plugin/" + status.Name, Message: message})
	if err != nil && ctx.Err() == nil {
		a.log.Error("record that a plugin failed", "plugin", status.Name, "error", err)
	}
}

// mounterMoved notes in away that a mounter went, and takes up what was left undone when it is back.
func (a *Agent) mounterMoved(ctx context.Context, away map[string]bool, status pluginhost.Status) {
	switch status.State {
	case pluginhost.Backoff, pluginhost.Failed:
		away[status.Name] = true
	case pluginhost.Ready, pluginhost.Degraded:
		if !away[status.Name] {
			return
		}
		delete(away, status.Name)
		if err := a.reconciler.MounterReturned(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("look after what the mounter left undone", "error", err)
		}
	}
}
