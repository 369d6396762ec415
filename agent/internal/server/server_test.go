package server_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/installation"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/overlay"
	"github.com/left4me/left4me/agent/internal/rig"
	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/sdk/sdktest"
)

// alpha returns a rig with an installed game, one overlay, a blueprint and a server named alpha.
func alpha(t *testing.T) (*rig.Rig, server.Server) {
	t.Helper()
	r := rig.New(t)
	ctx := context.Background()
	r.Succeed(r.Installations.Install(ctx, "ann", installation.Order{}))
	r.Overlay("maps", map[string]string{"left4dead2/cfg/motd.txt": "overlay", "left4dead2/addons/x.txt": "1"})
	draft := blueprint.Draft{Name: "coop", Overlays: []string{"maps"}, Config: []string{"sv_cheats 0", "rcon_password mine"},
		Settings: blueprint.Settings{Hostname: "Fun on {server}"}}
	if _, err := r.Blueprints.Create(ctx, "ann", draft); err != nil {
		t.Fatal(err)
	}
	s, err := r.Servers.Create(ctx, "ann", server.Draft{Name: "alpha", Blueprint: "coop"})
	if err != nil {
		t.Fatal(err)
	}
	return r, s
}

// wait waits until the server is in a state.
func wait(t *testing.T, r *rig.Rig, name string, want server.State) server.View {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		view, err := r.Servers.View(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		if view.State == want {
			return view
		}
		if time.Now().After(deadline) {
			t.Fatalf("server is %s (%s), want %s", view.State, view.Reason, want)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestStartAndStop(t *testing.T) {
	r, s := alpha(t)
	ctx := context.Background()
	started := r.Succeed(r.Servers.Start(ctx, "ann", "alpha"))
	if len(started.Steps) != 5 || started.Steps[4].Status != job.StepSucceeded {
		t.Errorf("steps = %+v", started.Steps)
	}
	view := wait(t, r, "alpha", server.Running)
	if view.Live == nil || view.Live.Map != "c1m1_hotel" || len(view.Layers) != 2 || view.Layers[0].Name != "maps" {
		t.Errorf("view = %+v", view)
	}
	plan, _ := r.World.Plan(s.ID)
	if data, _ := os.ReadFile(filepath.Join(plan.Tree, "left4dead2/cfg/motd.txt")); string(data) != "overlay" {
		t.Errorf("motd = %q; the overlay must win over the game", data)
	}
	if data, _ := os.ReadFile(filepath.Join(plan.Tree, "left4dead2/maps/c1m1.bsp")); string(data) != "map\n" {
		t.Errorf("map = %q; the game must show through", data)
	}
	r.Succeed(r.Servers.Stop(ctx, "ann", "alpha"))
	wait(t, r, "alpha", server.Offline)
	if mounts, err := r.Disk.Mounts(ctx); err != nil || len(mounts) != 0 {
		t.Errorf("mounts after stop = %v, %v", mounts, err)
	}
	want := []string{"server.created", "server.start", "server.started", "server.stop", "server.stopped"}
	got := slices.DeleteFunc(r.Events("server/alpha"), func(kind string) bool { return strings.HasPrefix(kind, "job.") })
	if !slices.Equal(got, want) {
		t.Errorf("events = %v, want %v", got, want)
	}
}

// Generated values come last, so that no line of the user undoes them; no secret is in the arguments.
func TestGeneratedConfigWins(t *testing.T) {
	r, s := alpha(t)
	r.Succeed(r.Servers.Start(context.Background(), "ann", "alpha"))
	plan, _ := r.World.Plan(s.ID)
	data, err := os.ReadFile(filepath.Join(plan.Tree, "left4dead2/cfg/server.cfg"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if got, want := lines[len(lines)-1], `rcon_password "`+s.RCONPassword+`"`; got != want {
		t.Errorf("last line = %q, want %q", got, want)
	}
	if !strings.Contains(string(data), `hostname "Fun on alpha"`) {
		t.Errorf("no hostname in %s", data)
	}
	if strings.Contains(strings.Join(append(plan.Args, plan.Env...), " "), s.RCONPassword) {
		t.Error("the RCON password is in the arguments or the environment")
	}
}

// S6: a start builds what has no revision yet, and refuses when that fails.
func TestStartBuildsMissingOverlays(t *testing.T) {
	r, s := alpha(t)
	ctx := context.Background()
	draft := overlay.Draft{Name: "new", Type: rig.BuilderType, Settings: rig.Script(sdktest.Script{Fail: "The item is gone."})}
	if _, err := r.Overlays.Create(ctx, "ann", draft); err != nil {
		t.Fatal(err)
	}
	list := []string{"new", "maps"}
	if _, err := r.Blueprints.Edit(ctx, "ann", "coop", blueprint.Change{Overlays: &list}); err != nil {
		t.Fatal(err)
	}
	failed := r.Done(r.Servers.Start(ctx, "ann", "alpha"))
	if failed.Status != job.Failed || !strings.Contains(failed.Error.Message, `the build of overlay "new" failed`) {
		t.Fatalf("start is %s: %v", failed.Status, failed.Error)
	}
	wait(t, r, "alpha", server.Crashed)
	if _, started := r.World.Plan(s.ID); started {
		t.Error("the game was started over a missing overlay")
	}
	script := rig.Script(sdktest.Script{Files: map[string]string{"left4dead2/new.txt": "1"}})
	if _, err := r.Overlays.Edit(ctx, "ann", "new", overlay.Change{Settings: script}); err != nil {
		t.Fatal(err)
	}
	r.Succeed(r.Servers.Start(ctx, "ann", "alpha"))
}

func TestStartWithoutGame(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	_, _ = r.Blueprints.Create(ctx, "ann", blueprint.Draft{Name: "coop"})
	if _, err := r.Servers.Create(ctx, "ann", server.Draft{Name: "alpha", Blueprint: "coop"}); err != nil {
		t.Fatal(err)
	}
	done := r.Done(r.Servers.Start(ctx, "ann", "alpha"))
	if done.Error == nil || done.Error.Code != fault.Precondition || !strings.Contains(done.Error.Hint, "release update") {
		t.Errorf("start is %s: %+v", done.Status, done.Error)
	}
}

// A game that ends while it starts fails the job with its last words, and leaves no tree behind.
func TestGameEndsAtStart(t *testing.T) {
	r, _ := alpha(t)
	ctx := context.Background()
	r.World.EndAtStart = &server.Exit{Code: 1}
	done := r.Done(r.Servers.Start(ctx, "ann", "alpha"))
	if done.Status != job.Failed || !strings.Contains(done.Error.Message, "exit code 1") {
		t.Errorf("start is %s: %v", done.Status, done.Error)
	}
	var words []string
	err := r.Jobs.Replay(ctx, done.ID, 0, func(line job.Line) error {
		words = append(words, line.Text)
		return nil
	})
	if err != nil || !slices.Contains(words, "Console initialized.") {
		t.Errorf("log = %q, %v; want the console's last words", words, err)
	}
	if mounts, err := r.Disk.Mounts(ctx); err != nil || len(mounts) != 0 {
		t.Errorf("mounts = %v, %v", mounts, err)
	}
}

func TestPortTaken(t *testing.T) {
	r, s := alpha(t)
	holder, err := net.ListenPacket("udp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)))
	if err != nil {
		t.Skipf("port %d is used on this machine: %v", s.Port, err)
	}
	defer holder.Close()
	done := r.Done(r.Servers.Start(context.Background(), "ann", "alpha"))
	if done.Error == nil || !strings.Contains(done.Error.Message, "is taken by another program") || done.Error.Hint == "" {
		t.Errorf("start is %s: %v", done.Status, done.Error)
	}
}

func TestStopOvertakesStart(t *testing.T) {
	r, _ := alpha(t)
	ctx := context.Background()
	r.World.Mute = true
	starting, err := r.Servers.Start(ctx, "ann", "alpha")
	if err != nil {
		t.Fatal(err)
	}
	wait(t, r, "alpha", server.Starting)
	r.Succeed(r.Servers.Stop(ctx, "ann", "alpha"))
	if done := r.Done(starting, nil); done.Status != job.Canceled {
		t.Errorf("start is %s: %v", done.Status, done.Error)
	}
	wait(t, r, "alpha", server.Offline)
}

// A game that was asked to end does so although the job is canceled. Its tree must go too.
func TestACanceledStopLeavesNoTree(t *testing.T) {
	for name, begin := range map[string]func(r *rig.Rig) (job.Job, error){
		"stop":    func(r *rig.Rig) (job.Job, error) { return r.Servers.Stop(context.Background(), "ann", "alpha") },
		"restart": func(r *rig.Rig) (job.Job, error) { return r.Servers.Restart(context.Background(), "ann", "alpha") },
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := alpha(t)
			ctx := context.Background()
			r.Succeed(r.Servers.Start(ctx, "ann", "alpha"))
			wait(t, r, "alpha", server.Running)
			r.World.Linger = make(chan struct{})
			queued, err := begin(r)
			if err != nil {
				t.Fatal(err)
			}
			wait(t, r, "alpha", server.Stopping)
			if _, err := r.Jobs.Cancel(ctx, queued.ID, "ann"); err != nil {
				t.Fatal(err)
			}
			if done := r.Done(queued, nil); done.Status != job.Canceled {
				t.Errorf("it is %s: %v", done.Status, done.Error)
			}
			close(r.World.Linger)
			wait(t, r, "alpha", server.Offline)
			deadline := time.Now().Add(time.Minute)
			for {
				mounts, err := r.Disk.Mounts(ctx)
				if err == nil && len(mounts) == 0 {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("mounts = %v, %v", mounts, err)
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
}

func TestKillIsAlwaysAllowed(t *testing.T) {
	r, _ := alpha(t)
	ctx := context.Background()
	r.World.Mute = true
	starting, err := r.Servers.Start(ctx, "ann", "alpha")
	if err != nil {
		t.Fatal(err)
	}
	wait(t, r, "alpha", server.Starting)
	r.Succeed(r.Servers.Kill(ctx, "ann", "alpha"))
	r.Done(starting, nil)
	wait(t, r, "alpha", server.Offline)
}

func TestCrashIsNoticedAndStartedAgain(t *testing.T) {
	r, s := alpha(t)
	ctx := context.Background()
	r.Succeed(r.Servers.Start(ctx, "ann", "alpha"))
	wait(t, r, "alpha", server.Running)
	r.World.End(s.ID, server.Exit{Code: -1, Signal: "SIGSEGV"})
	view := wait(t, r, "alpha", server.Waiting)
	if !strings.Contains(view.Reason, "SIGSEGV") {
		t.Errorf("reason = %q", view.Reason)
	}
	wait(t, r, "alpha", server.Running)
	if !slices.Contains(r.Events("server/alpha"), "server.crashed") {
		t.Errorf("events = %v", r.Events("server/alpha"))
	}
}

func TestNewRevisionWaitsForRestart(t *testing.T) {
	r, _ := alpha(t)
	ctx := context.Background()
	r.Succeed(r.Servers.Start(ctx, "ann", "alpha"))
	script := rig.Script(sdktest.Script{Files: map[string]string{"left4dead2/addons/x.txt": "2"}})
	if _, err := r.Overlays.Edit(ctx, "ann", "maps", overlay.Change{Settings: script}); err != nil {
		t.Fatal(err)
	}
	built := r.Succeed(r.Overlays.Build(ctx, "ann", "maps", false))
	view := wait(t, r, "alpha", server.Running)
	if len(view.Pending) != 1 || view.Layers[0].Newer != built.ID {
		t.Errorf("pending = %q, layers = %+v", view.Pending, view.Layers)
	}
	r.Succeed(r.Servers.Restart(ctx, "ann", "alpha"))
	if view := wait(t, r, "alpha", server.Running); len(view.Pending) != 0 {
		t.Errorf("pending after restart = %q", view.Pending)
	}
}

func TestResetAndDelete(t *testing.T) {
	r, s := alpha(t)
	ctx := context.Background()
	r.Succeed(r.Servers.Start(ctx, "ann", "alpha"))
	wait(t, r, "alpha", server.Running)
	if _, err := r.Servers.Reset(ctx, "ann", "alpha"); !fault.Is(err, fault.Precondition) {
		t.Errorf("reset while running: %v", err)
	}
	plan, _ := r.World.Plan(s.ID)
	if err := os.WriteFile(filepath.Join(plan.Tree, "left4dead2/stats.txt"), []byte("1"), 0o644); err != nil {
		t.Fatal(err)
	}
	r.Succeed(r.Servers.Stop(ctx, "ann", "alpha"))
	r.Succeed(r.Servers.Reset(ctx, "ann", "alpha"))
	r.Succeed(r.Servers.Start(ctx, "ann", "alpha"))
	if _, err := os.Stat(filepath.Join(plan.Tree, "left4dead2/stats.txt")); !os.IsNotExist(err) {
		t.Errorf("what the server wrote is still there: %v", err)
	}
	r.Succeed(r.Servers.Delete(ctx, "ann", "alpha"))
	if _, err := r.Servers.View(ctx, "alpha"); !fault.Is(err, fault.NotFound) {
		t.Errorf("view after delete: %v", err)
	}
}

func TestPorts(t *testing.T) {
	r, s := alpha(t) // 27900, of 27900 to 27903
	ctx := context.Background()
	if s.Port != 27900 {
		t.Errorf("port = %d", s.Port)
	}
	for _, name := range []string{"b", "c", "d"} {
		if _, err := r.Servers.Create(ctx, "ann", server.Draft{Name: name, Blueprint: "coop"}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := r.Servers.Create(ctx, "ann", server.Draft{Name: "e", Blueprint: "coop"})
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("fifth server: %v", err)
	}
	_, err = r.Servers.Create(ctx, "ann", server.Draft{Name: "e", Blueprint: "coop", Port: 80})
	if e, ok := fault.Of(err); !ok || e.Code != fault.Invalid || e.Field != "port" {
		t.Errorf("port 80: %v", err)
	}
}

func TestCommands(t *testing.T) {
	r, _ := alpha(t)
	ctx := context.Background()
	if _, err := r.Servers.Command(ctx, "ann", "alpha", "status"); !fault.Is(err, fault.Precondition) {
		t.Errorf("command while offline: %v", err)
	}
	r.Succeed(r.Servers.Start(ctx, "ann", "alpha"))
	output, err := r.Servers.Command(ctx, "ann", "alpha", "status")
	if err != nil || output != "ran status" {
		t.Errorf("command = %q, %v", output, err)
	}
	for _, bad := range []string{"", "  ", "say a\nquit", strings.Repeat("x", 600)} {
		if _, err := r.Servers.Command(ctx, "ann", "alpha", bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("command %.20q: %v", bad, err)
		}
	}
}
