package server_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/overlay"
	"github.com/left4me/left4me/agent/internal/rig"
	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/sdk/sdktest"
)

// S6: a server never starts over an overlay with a missing or cut VPK, and says which.
func TestStartRefusesMissingAddons(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"gone": os.Remove,
		"cut":  func(path string) error { return os.Truncate(path, 1) },
		"a dangling link": func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Symlink("gone.vpk", path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, s := alpha(t)
			ctx := context.Background()
			r.Overlay("packs", map[string]string{"left4dead2/addons/123.vpk": "a pack", "left4dead2/addons/456.vpk": "another"})
			list := []string{"packs", "maps"}
			if _, err := r.Blueprints.Edit(ctx, "ann", "coop", blueprint.Change{Overlays: &list}); err != nil {
				t.Fatal(err)
			}
			o, err := r.DB.OverlayByName(ctx, "packs")
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(r.Root, "content", "overlays", o.ID, o.Revision, "left4dead2", "addons", "456.vpk")
			if err := spoil(path); err != nil {
				t.Fatal(err)
			}
			done := r.Done(r.Servers.Start(ctx, "ann", "alpha"))
			want := `Cannot start server "alpha". Overlay "packs" lacks 1 of its files in left4dead2/addons: 456.vpk.`
			if done.Status != job.Failed || done.Error.Message != want || !strings.Contains(done.Error.Hint, "overlay wipe packs") {
				t.Errorf("start is %s: %v", done.Status, done.Error)
			}
			if mounts, err := r.Disk.Mounts(ctx); err != nil || len(mounts) > 0 {
				t.Errorf("mounts %v, %v", mounts, err)
			}
			if _, started := r.World.Plan(s.ID); started {
				t.Error("the game was started")
			}
			script := rig.Script(sdktest.Script{Files: map[string]string{"left4dead2/addons/123.vpk": "a pack"}})
			if _, err := r.Overlays.Edit(ctx, "ann", "packs", overlay.Change{Settings: script}); err != nil {
				t.Fatal(err)
			}
			r.Succeed(r.Overlays.Build(ctx, "ann", "packs", true))
			r.Succeed(r.Servers.Start(ctx, "ann", "alpha"))
			wait(t, r, "alpha", server.Running)
		})
	}
}

// The game loads add-ons in the order of the blueprint, so that who wins is what people read there.
func TestAddonsLoadInTheOrderOfTheBlueprint(t *testing.T) {
	r, s := alpha(t)
	ctx := context.Background()
	r.Overlay("low", map[string]string{"left4dead2/addons/a.vpk": "low", "left4dead2/addons/b.vpk": "low"})
	r.Overlay("top", map[string]string{"left4dead2/addons/z.vpk": "top", "left4dead2/addons/a.vpk": "top"})
	list := []string{"top", "maps", "low"}
	if _, err := r.Blueprints.Edit(ctx, "ann", "coop", blueprint.Change{Overlays: &list}); err != nil {
		t.Fatal(err)
	}
	read := func() string {
		r.Succeed(r.Servers.Restart(ctx, "ann", "alpha"))
		plan, _ := r.World.Plan(s.ID)
		data, err := os.ReadFile(filepath.Join(plan.Tree, "left4dead2", "addonlist.txt"))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if got, want := read(), "\"AddonList\"\n{\n\t\"a.vpk\"\t\t\"1\"\n\t\"z.vpk\"\t\t\"1\"\n\t\"b.vpk\"\t\t\"1\"\n}\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	// An overlay's own list counts.
	r.Succeed(r.Servers.Stop(ctx, "ann", "alpha"))
	r.Succeed(r.Servers.Reset(ctx, "ann", "alpha"))
	r.Overlay("pinned", map[string]string{"left4dead2/addonlist.txt": "mine"})
	list = append(list, "pinned")
	if _, err := r.Blueprints.Edit(ctx, "ann", "coop", blueprint.Change{Overlays: &list}); err != nil {
		t.Fatal(err)
	}
	if got := read(); got != "mine" {
		t.Errorf("an overlay's list was replaced: %q", got)
	}
}
