package server_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/server"
)

// The server.cfg of an overlay is hidden by the generated one, and can be run under a name of its own.
func TestOverlaysOwnServerConfig(t *testing.T) {
	r, s := alpha(t)
	ctx := context.Background()
	r.Overlay("pack", map[string]string{"left4dead2/cfg/server.cfg": "sv_alltalk 1\n"})
	list := []string{"pack", "maps"}
	if _, err := r.Blueprints.Edit(ctx, "ann", "coop", blueprint.Change{Overlays: &list}); err != nil {
		t.Fatal(err)
	}
	r.Succeed(r.Servers.Start(ctx, "ann", "alpha"))
	wait(t, r, "alpha", server.Running)
	plan, _ := r.World.Plan(s.ID)
	cfg := filepath.Join(plan.Tree, "left4dead2", "cfg")
	if data, err := os.ReadFile(filepath.Join(cfg, "server_pack.cfg")); err != nil || string(data) != "sv_alltalk 1\n" {
		t.Errorf("server_pack.cfg = %q (%v)", data, err)
	}
	if _, err := os.Stat(filepath.Join(cfg, "server_maps.cfg")); !os.IsNotExist(err) {
		t.Errorf("overlay maps has no server.cfg: %v", err)
	}
}
