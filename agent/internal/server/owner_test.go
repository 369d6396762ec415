package server_test

import (
	"context"
	"slices"
	"testing"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/overlay"
	"github.com/left4me/left4me/agent/internal/rig"
	"github.com/left4me/left4me/agent/internal/server"
)

// Whose something is outlives a restart of the agent, is recorded once, and changes nothing else: the server goes on.
func TestThingsAreGivenAway(t *testing.T) {
	r, _ := alpha(t)
	ctx := context.Background()
	r.Succeed(r.Servers.Start(ctx, "ann", "alpha"))
	wait(t, r, "alpha", server.Running)
	for range 2 {
		if _, err := r.Servers.Give(ctx, "ann", "alpha", "bob"); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Blueprints.Give(ctx, "ann", "coop", "bob"); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Overlays.Give(ctx, "ann", "maps", "bob"); err != nil {
			t.Fatal(err)
		}
	}
	if view, err := r.Servers.View(ctx, "alpha"); err != nil || view.State != server.Running {
		t.Errorf("the server after it was given: %v, %v", view.State, err)
	}
	for subject, kind := range map[string]string{"server/alpha": "server.given", "blueprint/coop": "blueprint.given", "overlay/maps": "overlay.given"} {
		if n := len(slices.DeleteFunc(r.Events(subject), func(k string) bool { return k != kind })); n != 1 {
			t.Errorf("%s was recorded %d times for %s", kind, n, subject)
		}
	}
	r = r.Restart()
	s, err := r.DB.ServerByName(ctx, "alpha")
	b, err2 := r.DB.BlueprintByName(ctx, "coop")
	o, err3 := r.DB.OverlayByName(ctx, "maps")
	if err != nil || err2 != nil || err3 != nil || s.Owner != "bob" || b.Owner != "bob" || o.Owner != "bob" {
		t.Errorf("owners: %q %q %q, %v %v %v", s.Owner, b.Owner, o.Owner, err, err2, err3)
	}
}

func TestGivingRefuses(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	r.Overlay("maps", map[string]string{"a": "1"})
	system := true
	if _, err := r.Overlays.Edit(ctx, "ann", "maps", overlay.Change{System: &system}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Overlays.Give(ctx, "ann", "maps", "bob"); !fault.Is(err, fault.Precondition) {
		t.Errorf("a system-wide overlay: %v", err)
	}
	_, server := r.Servers.Give(ctx, "ann", "omega", "bob")
	_, blueprint := r.Blueprints.Give(ctx, "ann", "omega", "bob")
	_, overlay := r.Overlays.Give(ctx, "ann", "omega", "bob")
	if !fault.Is(server, fault.NotFound) || !fault.Is(blueprint, fault.NotFound) || !fault.Is(overlay, fault.NotFound) {
		t.Errorf("what does not exist: %v, %v, %v", server, blueprint, overlay)
	}
}
