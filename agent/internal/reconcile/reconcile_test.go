package reconcile_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/installation"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/overlay"
	"github.com/left4me/left4me/agent/internal/rig"
	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/sdk/sdktest"
)

func running(t *testing.T) (*rig.Rig, server.Server) {
	t.Helper()
	r := rig.New(t)
	ctx := context.Background()
	r.Succeed(r.Installations.Install(ctx, "ann", installation.Order{}))
	r.Overlay("maps", map[string]string{"left4dead2/addons/x.txt": "1"})
	if _, err := r.Blueprints.Create(ctx, "ann", blueprint.Draft{Name: "coop", Overlays: []string{"maps"}}); err != nil {
		t.Fatal(err)
	}
	s, err := r.Servers.Create(ctx, "ann", server.Draft{Name: "alpha", Blueprint: "coop"})
	if err != nil {
		t.Fatal(err)
	}
	r.Succeed(r.Servers.Start(ctx, "ann", "alpha"))
	return r, s
}

func state(t *testing.T, r *rig.Rig, want server.State) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		view, err := r.Servers.View(context.Background(), "alpha")
		if err != nil {
			t.Fatal(err)
		}
		if view.State == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("server is %s (%s), want %s", view.State, view.Reason, want)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Shows S18.
func TestRunningServerIsAdopted(t *testing.T) {
	r, s := running(t)
	units, _ := r.World.List(context.Background())
	r = r.Restart()
	state(t, r, server.Running)
	after, _ := r.World.List(context.Background())
	if units[0].PID != after[0].PID {
		t.Errorf("pid %d became %d: the game was started again", units[0].PID, after[0].PID)
	}
	if !slices.Contains(r.Events("server/"+s.Name), "server.adopted") {
		t.Errorf("events = %v", r.Events("server/"+s.Name))
	}
}

// A host that rebooted has lost processes and mounts; what ran comes back (S18).
func TestServerComesBackAfterReboot(t *testing.T) {
	r, s := running(t)
	r.Close()
	r.World.Reboot(s.ID)
	r = r.Restart()
	state(t, r, server.Running)
	if events := r.Events("server/alpha"); !slices.Contains(events, "server.resumed") {
		t.Errorf("events = %v", events)
	}
	if told, err := r.DB.Events(context.Background(), event.Filter{Subject: "server/alpha"}); err != nil || !slices.ContainsFunc(told, func(e event.Event) bool {
		return e.Kind == "server.resumed" && strings.HasPrefix(e.Message, "The host was restarted")
	}) {
		t.Errorf("%+v, %v", told, err)
	}
}

func TestStoppedServerStaysStopped(t *testing.T) {
	r, _ := running(t)
	r.Succeed(r.Servers.Stop(context.Background(), "ann", "alpha"))
	r = r.Restart()
	state(t, r, server.Offline)
	if units, _ := r.World.List(context.Background()); len(units) != 1 || units[0].State == server.UnitActive {
		t.Errorf("units = %+v", units)
	}
}

func TestUnknownUnitAndTreeAreEnded(t *testing.T) {
	r, _ := running(t)
	ctx := context.Background()
	mounts, err := r.Disk.Mounts(ctx)
	if err != nil || len(mounts) != 1 {
		t.Fatal(mounts, err)
	}
	tree, err := r.Disk.Mount(ctx, "stranger", mounts[0].Lowers)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.World.Start(ctx, server.LaunchPlan{Server: "stranger", Tree: tree.Path, Binary: "srcds_run", Port: 27999}); err != nil {
		t.Fatal(err)
	}
	r = r.Restart()
	units, _ := r.World.List(ctx)
	for _, unit := range units {
		if unit.Server == "stranger" && unit.State == server.UnitActive {
			t.Error("a unit that no server knows still runs")
		}
	}
	if mounts, _ := r.Disk.Mounts(ctx); len(mounts) != 1 || mounts[0].Server == "stranger" {
		t.Errorf("mounts = %+v", mounts)
	}
	if orphans := r.Reconciler.Orphans(); len(orphans) != 1 || orphans[0].Server != "stranger" {
		t.Errorf("orphans = %+v; what a server wrote is shown, not removed", orphans)
	}
}

// An agent that dies in the middle of a build leaves a staging tree; the next one removes it and builds again.
func TestInterruptedBuildIsRepeated(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	first := r.Overlay("maps", map[string]string{"a.txt": "1"})
	edit := func(script sdktest.Script) {
		if _, err := r.Overlays.Edit(ctx, "ann", "maps", overlay.Change{Settings: rig.Script(script)}); err != nil {
			t.Fatal(err)
		}
	}
	edit(sdktest.Script{Hang: true})
	queued, err := r.Overlays.Build(ctx, "ann", "maps", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Builder.WaitBuilds(ctx, 2); err != nil {
		t.Fatal(err)
	}
	edit(sdktest.Script{Files: map[string]string{"a.txt": "2"}})
	r = r.Restart()
	old, err := r.Jobs.Get(ctx, queued.ID)
	if err != nil || old.Status != job.Interrupted {
		t.Errorf("the old job is %s, %v", old.Status, err)
	}
	again, err := r.Jobs.List(ctx, job.Filter{Kind: overlay.KindBuild, Limit: 1})
	if err != nil || len(again) != 1 || again[0].RetryOf != queued.ID {
		t.Fatalf("newest job = %+v, %v", again, err)
	}
	r.Succeed(again[0], nil)
	refs, err := r.Disk.List(ctx)
	if err != nil || len(refs) != 2 {
		t.Errorf("content = %v, %v; want the two revisions", refs, err)
	}
	for _, ref := range refs {
		if ref.Build != "" {
			t.Errorf("staging tree %s is left", ref.Build)
		}
	}
	if o, _ := r.DB.OverlayByName(ctx, "maps"); o.Revision == first.Revision {
		t.Error("the repeated build made no revision")
	}
}

// A crash between commit and transaction leaves a revision on disk without a row. It bears the id of an ended
// job, so it goes; content with any other id stays and is shown (S13).
func TestRevisionWithoutRow(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	o := r.Overlay("maps", map[string]string{"a.txt": "1"})
	failed := r.Done(r.Servers.Start(ctx, "ann", mustServer(t, r)))
	dir := filepath.Join(r.Root, "content", "overlays", o.ID)
	for _, name := range []string{failed.ID, "stranger"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r = r.Restart()
	want := content.Ref{Layer: content.Layer{Overlay: o.ID, Revision: "stranger"}}
	if orphans := r.Reconciler.Orphans(); len(orphans) != 1 || orphans[0] != want {
		t.Errorf("orphans = %+v, want %+v", orphans, want)
	}
	if _, err := os.Stat(filepath.Join(dir, failed.ID)); !os.IsNotExist(err) {
		t.Errorf("what the ended job left is still there: %v", err)
	}
}

// mustServer makes a server whose start fails because no game is installed.
func mustServer(t *testing.T, r *rig.Rig) string {
	t.Helper()
	ctx := context.Background()
	if _, err := r.Blueprints.Create(ctx, "ann", blueprint.Draft{Name: "empty"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Servers.Create(ctx, "ann", server.Draft{Name: "alpha", Blueprint: "empty"}); err != nil {
		t.Fatal(err)
	}
	return "alpha"
}
