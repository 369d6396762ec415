// Package rig is the domain put together for tests: a real database, a real job engine, a mounter and a builder
// that are real plugins over gRPC in the test's process, and a supervisor and game in memory. Only the game and
// its process are stand-ins.
package rig

import (
	"context"
	"encoding/json"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/installation"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/overlay"
	"github.com/left4me/left4me/agent/internal/pluginport"
	"github.com/left4me/left4me/agent/internal/reconcile"
	"github.com/left4me/left4me/agent/internal/rollout"
	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/agent/internal/sqlite"
	"github.com/left4me/left4me/agent/internal/vpkfile"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/mounter"
	"github.com/left4me/left4me/sdk/sdktest"

	"log/slog"
)

// BuilderType is the overlay type that the rig's builder makes; its settings are an sdktest.Script.
const BuilderType = "mem"

// Rig is one agent without its edges. Restart makes a new one over the same state.
type Rig struct {
	Root          string
	DB            *sqlite.DB
	Jobs          *job.Runner
	Overlays      *overlay.Manager
	Blueprints    *blueprint.Manager
	Installations *installation.Manager
	Servers       *server.Manager
	Reconciler    *reconcile.Reconciler
	Sweeper       *reconcile.Sweeper
	Disk          pluginport.Disk
	Builder       *sdktest.MemBuilder
	Mounter       *sdktest.DirMounter
	World         *World
	BuilderGone   bool // as if the plugin were taken out of the config
	Rollouts      *rollout.Manager
	Source        installation.Source // of the game; nil = a directory with a game in it
	Automatic     bool                // updates are installed and rolled out by themselves

	t      testing.TB
	disk   func(overlay.Disk) overlay.Disk
	cancel context.CancelFunc
	ended  chan struct{}
}

// New returns a started rig in a directory of the test.
func New(t testing.TB) *Rig {
	t.Helper()
	return NewWith(t, func(disk overlay.Disk) overlay.Disk { return disk })
}

// NewWithSource is New with a source of the game; automatic updates are installed and rolled out by themselves.
func NewWithSource(t testing.TB, source installation.Source, automatic bool) *Rig {
	t.Helper()
	r := &Rig{Root: t.TempDir(), World: NewWorld(), Source: source, Automatic: automatic, t: t, disk: func(disk overlay.Disk) overlay.Disk { return disk }}
	r.start()
	t.Cleanup(r.Close)
	return r
}

// NewWith is New with another disk for the overlays, made of the real one.
func NewWith(t testing.TB, disk func(overlay.Disk) overlay.Disk) *Rig {
	t.Helper()
	r := &Rig{Root: t.TempDir(), World: NewWorld(), t: t, disk: disk}
	r.start()
	t.Cleanup(r.Close)
	return r
}

// Restart ends the rig and starts a new one over the same state and world, as after a crash of the agent:
// games go on.
func (r *Rig) Restart() *Rig {
	r.t.Helper()
	r.Close()
	next := &Rig{Root: r.Root, World: r.World, Source: r.Source, Automatic: r.Automatic, t: r.t, disk: r.disk}
	next.start()
	r.t.Cleanup(next.Close)
	return next
}

func (r *Rig) start() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel, r.ended = cancel, make(chan struct{})
	var err error
	if r.DB, err = sqlite.Open(ctx, filepath.Join(r.Root, "agent.db")); err != nil {
		r.t.Fatal(err)
	}
	r.plugins()
	r.Jobs = job.New(job.Options{Store: r.DB})
	builders := builders{rig: r}
	r.Overlays = overlay.New(overlay.Options{Store: r.DB.OverlayStore(), Jobs: r.Jobs, Builders: builders, Disk: r.disk(r.Disk),
		Addons: vpkfile.Source{Disk: r.Disk}, Keep: 2, QuotaEvery: 10 * time.Millisecond})
	r.Blueprints = blueprint.New(r.DB.BlueprintStore())
	r.Servers = server.New(server.Options{Store: r.DB.ServerStore(), Jobs: r.Jobs, Trees: r.Disk, Addons: vpkfile.Source{Disk: r.Disk}, Supervisor: r.World,
		Console: r.World, Game: r.World, History: r.DB, OnGame: r.onGame, Layers: r.Disk, Types: builders, Files: r.Disk, Ports: server.Ports{First: 27900, Last: 27903}, StopTimeout: time.Second,
		ReadyWithin: 30 * time.Second})
	if r.Source == nil {
		r.Source = installation.Directory{Path: r.game()}
	}
	r.Rollouts = rollout.New(rollout.Options{Servers: r.Servers, Jobs: r.Jobs, Every: 10 * time.Millisecond})
	r.Installations = installation.New(installation.Options{Store: r.DB.ReleaseStore(), Jobs: r.Jobs, Disk: r.Disk, Source: r.Source,
		Rollout: r.Rollouts.Spec, Automatic: r.Automatic, Keep: 1})
	r.Reconciler = &reconcile.Reconciler{Store: r.DB, Jobs: r.Jobs, Disk: r.Disk, Units: r.World, Servers: r.Servers,
		Log: slog.New(slog.DiscardHandler), Now: time.Now}
	r.Sweeper = &reconcile.Sweeper{Queue: r.Jobs, Overlays: r.Overlays, Reconciler: r.Reconciler}
	for _, handlers := range [][]job.Handler{r.Sweeper.Handlers(), r.Overlays.Handlers(), r.Installations.Handlers(), r.Servers.Handlers(), r.Rollouts.Handlers()} {
		if err := r.Jobs.Register(handlers...); err != nil {
			r.t.Fatal(err)
		}
	}
	go func() {
		defer close(r.ended)
		var parts sync.WaitGroup
		parts.Go(func() { _ = r.Installations.Watch(ctx) })
		_ = r.Servers.Watch(ctx)
		parts.Wait()
	}()
	if err := r.Jobs.Recover(ctx); err != nil {
		r.t.Fatal(err)
	}
	if err := r.Reconciler.Run(ctx); err != nil {
		r.t.Fatalf("reconcile: %v", err)
	}
	if err := r.Jobs.Start(ctx); err != nil {
		r.t.Fatal(err)
	}
}

func (r *Rig) onGame(s server.Server, e server.GameEvent) {
	if e.Kind == server.GameOutdated && !e.Ambiguous {
		r.Installations.Hint(s.Name, e.Time)
	}
}

func (r *Rig) plugins() {
	r.Mounter = sdktest.NewDirMounter("mounter-dir", filepath.Join(r.Root, "content"))
	connection := sdktest.Serve(r.t, r.Mounter)
	sdktest.Configure(r.t, connection, sdk.Settings{})
	client := mounter.NewClient(connection)
	r.Disk = pluginport.Disk{Mounter: func() (mounter.Mounter, error) { return client, nil }}
	r.Builder = sdktest.NewMemBuilder("builder-mem")
}

// Close ends the rig; games go on. Closing twice is fine.
func (r *Rig) Close() {
	if r.cancel == nil {
		return
	}
	r.cancel()
	r.cancel = nil
	<-r.ended
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.Jobs.Close(ctx); err != nil {
		r.t.Errorf("close jobs: %v", err)
	}
	if err := r.DB.Close(); err != nil {
		r.t.Errorf("close database: %v", err)
	}
}

// Done waits for a job and returns it in its final state.
func (r *Rig) Done(queued job.Job, err error) job.Job {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("queue: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	done, err := r.Jobs.Wait(ctx, queued.ID)
	if err != nil {
		r.t.Fatalf("wait for %s: %v", queued.Kind, err)
	}
	return done
}

// Succeed waits for a job and fails the test when it does not succeed.
func (r *Rig) Succeed(queued job.Job, err error) job.Job {
	r.t.Helper()
	done := r.Done(queued, err)
	if done.Status != job.Succeeded {
		r.t.Fatalf("%s is %s: %v", done.Kind, done.Status, done.Error)
	}
	return done
}

// Events returns the kinds of all recorded events about subject, oldest first.
func (r *Rig) Events(subject string) []string {
	r.t.Helper()
	recorded, err := r.DB.Events(context.Background(), event.Filter{Subject: subject})
	if err != nil {
		r.t.Fatal(err)
	}
	var kinds []string
	for _, e := range recorded {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// Script is the settings of an overlay whose whole content is files.
func Script(script sdktest.Script) json.RawMessage {
	data, err := json.Marshal(script)
	if err != nil {
		panic(err)
	}
	return data
}

// Overlay creates an overlay with files and builds it.
func (r *Rig) Overlay(name string, files map[string]string) overlay.Overlay {
	r.t.Helper()
	ctx := context.Background()
	draft := overlay.Draft{Name: name, Type: BuilderType, Settings: Script(sdktest.Script{Files: files})}
	if _, err := r.Overlays.Create(ctx, "ann", draft); err != nil {
		r.t.Fatal(err)
	}
	r.Succeed(r.Overlays.Build(ctx, "ann", name, false))
	built, err := r.DB.OverlayByName(ctx, name)
	if err != nil {
		r.t.Fatal(err)
	}
	return built
}

// builders finds the rig's one builder.
type builders struct{ rig *Rig }

func (b builders) Types(context.Context) []overlay.Type {
	if b.rig.BuilderGone {
		return nil
	}
	return []overlay.Type{{Name: BuilderType, Refresh: true}}
}

func (b builders) Builder(name string) (overlay.Builder, error) {
	if name != BuilderType || b.rig.BuilderGone {
		return nil, fault.New(fault.Precondition, "No enabled plugin makes overlays of type %q.", name).
			WithField("type").WithHint("Choose another.")
	}
	connection := sdktest.Serve(b.rig.t, b.rig.Builder)
	sdktest.Configure(b.rig.t, connection, sdk.Settings{})
	return pluginport.Builder{Builder: builder.NewClient(connection)}, nil
}

// Await waits until something holds and fails the test when that takes half a minute.
func (r *Rig) Await(what string, holds func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
