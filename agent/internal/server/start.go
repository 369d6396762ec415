package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/internal/addon"
	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/overlay"
)

// steerableWithin is how long a game that answers queries may take to take commands too.
const steerableWithin = 20 * time.Second

// dropWithin bounds the end of a tree whose mount failed.
const dropWithin = 10 * time.Second

// start is one run of the start steps.
type start struct {
	*Manager
	run    *job.Run
	server Server
	plan   blueprint.Plan
	mount  content.Mount
}

func (m *Manager) runStart(ctx context.Context, run *job.Run) error {
	s, err := m.subject(ctx, run)
	if err != nil {
		return err
	}
	runs, err := m.runsOn(ctx, run, s)
	if err != nil {
		return err
	}
	if runs {
		run.Summary("It runs already.")
		return nil
	}
	return m.noteFailure(ctx, s, m.start(ctx, run, s))
}

// runsOn reports whether a server runs and will go on. The end of one that is stopping is waited for: a stop that a
// person canceled goes on all the same.
func (m *Manager) runsOn(ctx context.Context, run *job.Run, s Server) (bool, error) {
	units, err := m.Supervisor.List(ctx)
	if err != nil {
		return false, err
	}
	for _, unit := range units {
		switch {
		case unit.Server != s.ID:
		case unit.State == UnitActive:
			return true, nil
		case unit.State == UnitStopping:
			run.Logf("info", "It is still stopping; waiting for its end.")
			return false, m.Supervisor.Stop(ctx, s.ID, m.StopTimeout)
		}
	}
	return false, nil
}

func (m *Manager) start(ctx context.Context, run *job.Run, s Server) error {
	st := &start{Manager: m, run: run, server: s}
	run.Redact(s.RCONPassword)
	steps := []struct {
		name     string
		do, undo func(context.Context) error
	}{
		{"overlay.ensure", st.ensure, nil},
		{"mount", st.mountTree, st.unmountTree},
		{"config.write", st.writeConfig, nil},
		{"unit.start", st.startUnit, st.stopUnit},
		{"wait.ready", st.waitReady, nil},
	}
	for _, step := range steps {
		if err := run.Step(ctx, step.name, step.do, step.undo); err != nil {
			return err
		}
	}
	run.Summary(fmt.Sprintf("It answers on port %d.", s.Port))
	return m.Store.Update(ctx, func(tx Tx) error {
		return tx.AddEvent(ctx, m.event("server.started", s, run.Job().Actor, "Server started."))
	})
}

// ensure builds overlays that have no revision yet, then resolves the blueprint.
func (st *start) ensure(ctx context.Context) error {
	made, err := st.Store.BlueprintByID(ctx, st.server.Blueprint)
	if err != nil {
		return err
	}
	layers := make([]content.Layer, len(made.Overlays))
	for i, overlayID := range made.Overlays {
		if layers[i], err = st.layer(ctx, overlayID); err != nil {
			return err
		}
	}
	release, err := wantedRelease(ctx, st.Store, st.server)
	if fault.Is(err, fault.NotFound) {
		return fault.Wrap(err, fault.Precondition, "Cannot start server %q: the game is not installed.", st.server.Name).
			WithHint("Install it with: left4me release update")
	}
	if err != nil {
		return err
	}
	st.plan = blueprint.Resolve(made, layers, release, blueprint.Instance{Name: st.server.Name,
		Port: st.server.Port, RCONPassword: st.server.RCONPassword, LogAddress: st.LogAddress, LogSecret: logSecret(st.server)})
	return nil
}

func (st *start) layer(ctx context.Context, overlayID string) (content.Layer, error) {
	o, err := st.Store.OverlayByID(ctx, overlayID)
	if err != nil {
		return content.Layer{}, err
	}
	if st.Types != nil && !slices.ContainsFunc(st.Types.Types(ctx), func(t overlay.Type) bool { return t.Name == o.Type }) {
		return content.Layer{}, fault.New(fault.Precondition, "Cannot start server %q: overlay %q is of type %q, which no enabled plugin makes.",
			st.server.Name, o.Name, o.Type).WithHint("Enable the plugin in the agent's config, or take the overlay out of the blueprint.")
	}
	if o.Revision == "" {
		if err := st.build(ctx, o); err != nil {
			return content.Layer{}, err
		}
		if o, err = st.Store.OverlayByID(ctx, overlayID); err != nil {
			return content.Layer{}, err
		}
	}
	if o.Revision == "" {
		return content.Layer{}, fault.New(fault.Precondition, "Cannot start server %q: overlay %q has no successful build.",
			st.server.Name, o.Name).WithHint("Read its build log: left4me job log %s", o.LastJob)
	}
	return st.complete(ctx, o)
}

// complete returns the present revision of o, unless something in it is missing.
func (st *start) complete(ctx context.Context, o overlay.Overlay) (content.Layer, error) {
	revisions, err := st.Store.Revisions(ctx, o.ID)
	if err != nil {
		return content.Layer{}, err
	}
	layer := content.Layer{Overlay: o.ID, Revision: o.Revision}
	for _, revision := range revisions {
		if revision.ID == o.Revision {
			err = overlay.Complete(ctx, st.Addons, o, revision)
		}
	}
	if f, ok := fault.Of(err); ok && f.Code == fault.Precondition {
		return layer, fault.Wrap(err, fault.Precondition, "Cannot start server %q. %s", st.server.Name, f.Message).WithHint("%s", f.Hint)
	}
	return layer, err
}

// build runs the build of an overlay as a job of its own, under the overlay's lock, and waits for it.
func (st *start) build(ctx context.Context, o overlay.Overlay) error {
	var queued job.Job
	err := st.Store.Update(ctx, func(tx Tx) (err error) {
		queued, _, err = tx.AddJob(ctx, overlay.BuildSpec(o, st.run.Job().Actor, false))
		return err
	})
	if err != nil {
		return err
	}
	st.run.Logf("info", "Overlay %q has no revision yet; building it (job %s).", o.Name, queued.ID)
	done, err := st.run.Await(ctx, queued.ID)
	if err != nil {
		return err
	}
	if done.Error != nil {
		return fault.Wrap(done.Error, fault.Precondition, "Cannot start server %q: the build of overlay %q failed.",
			st.server.Name, o.Name).WithHint("Read its log: left4me job log %s", queued.ID)
	}
	return nil
}

// mountTree replaces a tree that an earlier run left: its lowers may be older.
func (st *start) mountTree(ctx context.Context) (err error) {
	if err = st.Trees.Unmount(ctx, st.server.ID); err != nil {
		return err
	}
	defer func() {
		if err != nil { // the mounter may have mounted nevertheless, before it heard of a cancel
			st.dropTree(ctx)
		}
	}()
	if st.mount, err = st.Trees.Mount(ctx, st.server.ID, st.plan.Lowers); err != nil {
		return err
	}
	st.run.Logf("info", "Mounted %d layers.", len(st.plan.Lowers))
	for _, note := range st.mount.Notes {
		st.run.Logf("warn", "%s", note)
	}
	return st.Store.Update(ctx, func(tx Tx) error {
		s, err := tx.ServerByID(ctx, st.server.ID)
		if err != nil {
			return err
		}
		s.Layers, s.StartedAt = st.plan.Lowers, st.Now()
		if err := tx.PutServer(ctx, s); err != nil {
			return err
		}
		for _, note := range st.mount.Notes {
			if err := tx.AddEvent(ctx, st.event("server.mount_note", s, st.run.Job().Actor, note)); err != nil {
				return err
			}
		}
		return nil
	})
}

// dropTree ends what a failed mount may have left. If that fails, too, the next start or sweep does it.
func (st *start) dropTree(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropWithin)
	defer cancel()
	if err := st.unmountTree(ctx); err != nil {
		st.run.Logf("debug", "The tree is ended later: %v", err)
	}
}

func (st *start) unmountTree(ctx context.Context) error { return st.Trees.Unmount(ctx, st.server.ID) }

func (st *start) writeConfig(ctx context.Context) error {
	copies, err := st.ownConfigs(ctx)
	if err != nil {
		return err
	}
	files := append(copies, st.plan.Files...)
	list, err := addon.List(ctx, st.Addons, st.plan.Lowers)
	if err != nil {
		return err
	}
	if list != nil {
		files = append(files, content.File{Path: addon.ListFile, Data: list})
	}
	return st.Trees.WriteFiles(ctx, st.server.ID, files)
}

func (st *start) startUnit(ctx context.Context) error {
	if err := st.stillWanted(ctx); err != nil {
		return err
	}
	if err := checkPort(ctx, st.server.Port); err != nil {
		return err
	}
	if st.Limits != nil {
		for _, name := range st.Limits.Unenforced(st.plan.Limits) {
			st.run.Logf("warn", "This host cannot limit %s; the server runs without this limit.", name)
		}
	}
	st.tracker.expect(st.server.ID)
	err := st.Supervisor.Start(ctx, LaunchPlan{Server: st.server.ID, Name: st.server.Name, Port: st.server.Port,
		Tree: st.mount.Path, Binary: blueprint.Binary, Args: st.plan.Args, Env: st.Env, StopTimeout: st.StopTimeout,
		Limits: st.plan.Limits})
	if err != nil {
		st.tracker.notStarted(st.server.ID)
	}
	return err
}

func (st *start) stopUnit(ctx context.Context) error {
	return st.Supervisor.Stop(ctx, st.server.ID, st.StopTimeout)
}

// stillWanted ends a start that was overtaken by a kill or stop.
func (st *start) stillWanted(ctx context.Context) error {
	s, err := st.Store.ServerByID(ctx, st.server.ID)
	if err == nil && s.Intent != IntentRunning {
		return fault.New(fault.Canceled, "The start was overtaken by a stop.")
	}
	return err
}

// checkPort tells a taken port before the game does, which would end with no clear word. RCON needs the
// TCP port of the same number.
func checkPort(ctx context.Context, port int) error {
	var config net.ListenConfig
	address := net.JoinHostPort("0.0.0.0", strconv.Itoa(port))
	udp, err := config.ListenPacket(ctx, "udp4", address)
	if err == nil {
		err = udp.Close()
	}
	if err == nil {
		var tcp net.Listener
		if tcp, err = config.Listen(ctx, "tcp4", address); err == nil {
			err = tcp.Close()
		}
	}
	if err != nil {
		return fault.Wrap(err, fault.Precondition, "Port %d is taken by another program.", port).
			WithHint("Find it with: ss -lnup 'sport = :%d'; then end it or give the server another port.", port)
	}
	return nil
}

// waitReady returns when the game answers. It fails when the game ends or takes too long, with its last
// words in the job log.
func (st *start) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, st.ReadyWithin)
	defer cancel()
	begin := time.Now()
	for {
		live, err := st.Game.Info(ctx, st.server.Port)
		if err == nil {
			st.tracker.answered(st.server.ID, live)
			if st.steerable(ctx, time.Since(begin)) {
				return nil
			}
		}
		unit, changed := st.tracker.unit(st.server.ID)
		if unit.State == UnitExited || unit.State == UnitAbsent {
			if err := st.stillWanted(ctx); err != nil {
				return err
			}
			st.lastWords(ctx)
			return fault.New(fault.Precondition, "The game ended while it started (%s).", unit.Exit).
				WithHint("Read the console lines above.")
		}
		select {
		case <-changed:
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				st.lastWords(context.WithoutCancel(ctx))
				return fault.New(fault.Unavailable, "The game did not answer within %s.", st.ReadyWithin).
					WithHint("Read the console lines above.")
			}
			return ctx.Err()
		}
	}
}

// steerable reports whether the game takes commands. It answers queries before it has run server.cfg, and writing
// rcon_password there closes every connection, so that the first command of a person would be lost. A refused
// password is never tried again, and a game without RCON is still worth playing.
func (st *start) steerable(ctx context.Context, waited time.Duration) bool {
	_, err := st.Game.Exec(ctx, st.server.Port, st.server.RCONPassword, "echo left4me: ready")
	switch {
	case err == nil:
		return true
	case fault.Is(err, fault.Precondition) || waited > steerableWithin:
		st.run.Logf("warn", "The game plays, but takes no commands: %v", err)
		return true
	}
	return false
}

// lastWords copies the end of the console into the job log.
func (st *start) lastWords(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := st.Console.Read(ctx, st.server.ID, "", 20, false, func(line Line) error {
		st.run.Logf("stdout", "%s", strings.ToValidUTF8(line.Text, "?"))
		return nil
	})
	if err != nil {
		st.run.Logf("warn", "The console cannot be read: %v", err)
	}
}
