package agenttest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/id"
)

// firstPort and lastPort are the range of the test agent's servers.
const firstPort, lastPort = 27015, 27114

// gameServer is a server with its console.
type gameServer struct {
	api.Server
	console []api.ConsoleLine
	players []api.Player
	history []api.GameEvent
}

type serverView struct{ *world }

func showServer(s *gameServer) api.Server {
	out := s.Server
	if s.Live != nil {
		live := *s.Live
		out.Live = &live
	}
	return out
}

func (v serverView) List(context.Context) ([]api.Server, error) {
	defer v.lock()()
	return sorted(v.servers, showServer), nil
}

func (v serverView) Get(_ context.Context, name string) (api.Server, error) {
	defer v.lock()()
	s, ok := v.servers[name]
	if !ok {
		return api.Server{}, notFound("server", name)
	}
	return showServer(s), nil
}

func (v serverView) Create(_ context.Context, actor string, create api.ServerCreate) (api.Server, error) {
	defer v.lock()()
	if err := checkName(create.Name); err != nil {
		return api.Server{}, err
	}
	if v.servers[create.Name] != nil {
		return api.Server{}, taken("server", create.Name)
	}
	if v.blueprints[create.Blueprint] == nil {
		return api.Server{}, fault.New(fault.Invalid, "There is no blueprint %q.", create.Blueprint).WithField("blueprint").
			WithHint("List them with: left4me blueprint list")
	}
	port, err := v.port(create.Port)
	if err != nil {
		return api.Server{}, err
	}
	s := &gameServer{Server: api.Server{ID: id.New(), Name: create.Name, Owner: actor, Blueprint: create.Blueprint, Port: port,
		Intent: "stopped", State: "offline", CreatedAt: time.Now().UTC()}}
	v.servers[create.Name] = s
	v.record("server.created", "server/"+s.Name, actor, "Server %q was created.", s.Name)
	if create.Start {
		v.start(actor, s, "server.start")
	}
	return showServer(s), nil
}

// port returns wanted or the next free one. The lock is held.
func (w *world) port(wanted int) (int, error) {
	used := map[int]string{}
	for _, s := range w.servers {
		used[s.Port] = s.Name
	}
	if wanted != 0 {
		if wanted < firstPort || wanted > lastPort {
			return 0, fault.New(fault.Invalid, "Port %d is outside the range %d to %d.", wanted, firstPort, lastPort).
				WithField("port").WithHint("Leave the port out to take the next free one.")
		}
		if owner := used[wanted]; owner != "" {
			return 0, fault.New(fault.Conflict, "Port %d belongs to server %q.", wanted, owner).WithField("port").
				WithHint("Leave the port out to take the next free one.")
		}
		return wanted, nil
	}
	for port := firstPort; port <= lastPort; port++ {
		if used[port] == "" {
			return port, nil
		}
	}
	return 0, fault.New(fault.Conflict, "All ports from %d to %d are taken.", firstPort, lastPort).WithField("port").WithHint("Delete a server.")
}

// start queues an action. The lock is held.
func (w *world) start(actor string, s *gameServer, kind string) api.Job {
	switch kind {
	case "server.start", "server.restart":
		s.Intent = "running"
	case "server.stop", "server.kill", "server.delete":
		s.Intent = "stopped"
	}
	j := w.queue(kind, "server/"+s.Name, actor, kind == "server.kill")
	s.LastJob = j.ID
	return j.show()
}

func (v serverView) act(actor, name, kind string) (api.Job, error) {
	defer v.lock()()
	s, ok := v.servers[name]
	if !ok {
		return api.Job{}, notFound("server", name)
	}
	if kind == "server.reset" && s.State != "offline" {
		return api.Job{}, fault.New(fault.Precondition, "Cannot reset server %q while it is %s.", name, s.State).WithHint("Stop it first.")
	}
	return v.start(actor, s, kind), nil
}

func (v serverView) Delete(_ context.Context, actor, name string) (api.Job, error) {
	return v.act(actor, name, "server.delete")
}

func (v serverView) Start(_ context.Context, actor, name string) (api.Job, error) {
	return v.act(actor, name, "server.start")
}

func (v serverView) Stop(_ context.Context, actor, name string) (api.Job, error) {
	return v.act(actor, name, "server.stop")
}

func (v serverView) Restart(_ context.Context, actor, name string) (api.Job, error) {
	return v.act(actor, name, "server.restart")
}

func (v serverView) Kill(_ context.Context, actor, name string) (api.Job, error) {
	return v.act(actor, name, "server.kill")
}

func (v serverView) Reset(_ context.Context, actor, name string) (api.Job, error) {
	return v.act(actor, name, "server.reset")
}

// serverStep does what a step of a server's job does.
func (w *world) serverStep(run *Run, step string) error {
	defer w.lock()()
	s := w.servers[strings.TrimPrefix(run.job.Subject, "server/")]
	if s == nil {
		return fmt.Errorf("%s is gone", run.job.Subject)
	}
	switch step {
	case "overlay.ensure":
		s.State, s.Reason = "starting", ""
		return w.ensure(run, s)
	case "mount":
		s.Layers = w.layers(s)
	case "unit.start":
		now := time.Now().UTC()
		s.PID, s.StartedAt = 4000+s.Port-firstPort, &now
		w.print(s, "Console initialized.")
	case "wait.ready":
		s.State = "running"
		s.Live = &api.Live{Map: "c1m1_hotel", MaxPlayers: 8, Hostname: s.Name, Version: "2.2.4.3", At: time.Now().UTC()}
		w.print(s, "VAC secure mode is activated.")
	case "unit.stop", "unit.kill":
		if s.PID != 0 {
			w.print(s, "Server shutting down")
		}
		s.State, s.PID, s.StartedAt, s.Live, s.players = "offline", 0, nil, nil, nil
	case "unmount":
		s.Layers = nil
	case "remove":
		delete(w.servers, s.Name)
	}
	w.change()
	return nil
}

// ensure fails when an overlay of the blueprint was never built. The lock is held.
func (w *world) ensure(run *Run, s *gameServer) error {
	for _, name := range w.blueprints[s.Blueprint].Overlays {
		if o := w.overlays[name]; o.Revision == "" {
			s.State, s.Intent = "offline", "stopped"
			return fault.New(fault.Precondition, "Cannot start server %q: overlay %q has no successful build.", s.Name, name).
				WithHint("Build it with: left4me overlay build %s", name)
		}
	}
	run.job.Summary = fmt.Sprintf("Server %q runs on port %d.", s.Name, s.Port)
	return nil
}

// layers returns what the tree is stacked from. The lock is held.
func (w *world) layers(s *gameServer) []api.Layer {
	var out []api.Layer
	for _, name := range w.blueprints[s.Blueprint].Overlays {
		out = append(out, api.Layer{Overlay: name, Revision: w.overlays[name].Revision})
	}
	for _, r := range w.releases {
		if r.Current {
			out = append(out, api.Layer{Release: r.ID})
		}
	}
	return out
}
