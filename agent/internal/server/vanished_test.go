package server_test

import (
	"context"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/server"
)

// S17: an overlay whose type is gone is not mounted, the error says why, and deleting it cleans the blueprints, so that
// their servers start again.
func TestOverlayOfAVanishedType(t *testing.T) {
	r, _ := alpha(t)
	ctx := context.Background()
	r.BuilderGone = true
	done := r.Done(r.Servers.Start(ctx, "ann", "alpha"))
	if done.Status != job.Failed || !strings.Contains(done.Error.Message, "which no enabled plugin makes") || done.Error.Hint == "" {
		t.Fatalf("start is %s: %v", done.Status, done.Error)
	}
	if mounts, err := r.Disk.Mounts(ctx); err != nil || len(mounts) > 0 {
		t.Errorf("mounts %v, %v", mounts, err)
	}
	r.Succeed(r.Overlays.Delete(ctx, "ann", "maps"))
	b, err := r.DB.BlueprintByName(ctx, "coop")
	if err != nil || len(b.Overlays) != 0 {
		t.Errorf("blueprint lists %v (%v)", b.Overlays, err)
	}
	r.Succeed(r.Servers.Start(ctx, "ann", "alpha"))
	wait(t, r, "alpha", server.Running)
}
