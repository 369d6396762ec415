package daemon

import (
	"context"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/installation"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/query"
	"github.com/left4me/left4me/agent/internal/schedule"
	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/agent/internal/webhook"
)

// actor does what schedules ask for.
type actor struct {
	*Agent
	hooks *webhook.Sender
}

var _ schedule.Actor = actor{}

// Do implements schedule.Actor.
func (a actor) Do(ctx context.Context, who string, action schedule.Action, what schedule.Happening) (string, error) {
	switch action.Kind {
	case "start":
		return id(a.servers.Start(ctx, who, action.Server))
	case "stop":
		return id(a.servers.Stop(ctx, who, action.Server))
	case "restart":
		return id(a.servers.Restart(ctx, who, action.Server))
	case "kill":
		return id(a.servers.Kill(ctx, who, action.Server))
	case "say":
		return "", a.servers.Say(ctx, who, action.Server, action.Text)
	case "map":
		return "", a.servers.ChangeMap(ctx, who, action.Server, action.Text, "")
	case "command":
		_, err := a.servers.Command(ctx, who, action.Server, action.Text)
		return "", err
	case "build":
		return id(a.overlays.Build(ctx, who, action.Overlay, false))
	case "refresh":
		return id(a.overlays.Refresh(ctx, who))
	case "update":
		return id(a.installations.Install(ctx, who, installation.Order{}))
	case "backup":
		return "", a.copyDatabase(ctx)
	case "webhook":
		return "", a.hooks.Send(ctx, action.URL, action.Format, a.message(ctx, what))
	}
	return "", unknownAction(action.Kind)
}

func unknownAction(kind string) error {
	return fault.New(fault.Precondition, "Action %q cannot be done by this agent.", kind).WithHint("Take it out of the schedule.")
}

func id(started job.Job, err error) (string, error) { return started.ID, err }

func (a actor) message(ctx context.Context, what schedule.Happening) webhook.Message {
	m := webhook.Message{Host: a.config.Name, Time: time.Now().UTC(), Cause: string(what.Cause), Server: what.Server, Text: what.Text}
	if what.Server != "" {
		if facts, err := a.Facts(ctx, what.Server); err == nil {
			m.Map, m.Players = facts.Map, facts.Players
		}
	}
	return m
}

// Facts implements schedule.Actor.
func (a actor) Facts(ctx context.Context, name string) (schedule.Facts, error) {
	view, err := a.servers.Observe(ctx, name)
	if err != nil {
		return schedule.Facts{}, err
	}
	facts := schedule.Facts{State: string(view.State)}
	if view.Live != nil {
		facts.Players, facts.Map = view.Live.Players, view.Live.Map
	}
	return facts, nil
}

// Check implements schedule.Actor.
func (a actor) Check(ctx context.Context, action schedule.Action) error {
	if action.Server != "" {
		if _, err := a.db.ServerByName(ctx, action.Server); err != nil {
			return err
		}
	}
	if action.Overlay != "" {
		if _, err := a.db.OverlayByName(ctx, action.Overlay); err != nil {
			return err
		}
	}
	if action.Kind == "webhook" {
		return a.hooks.Check(action.URL, action.Format)
	}
	return nil
}

// gameCauses are the game events that can set off a schedule.
var gameCauses = map[server.GameEventKind]schedule.Cause{server.GameMapEnd: schedule.OnMapEnd, server.GameMap: schedule.OnMap,
	server.GameEmpty: schedule.OnEmpty, server.GameJoined: schedule.OnJoined, server.GameOutdated: schedule.OnOutdated}

// told passes on what a game told. That it calls itself outdated counts as a hint that an update is there.
func (a *Agent) told(s server.Server, e server.GameEvent) {
	if e.Kind == server.GameOutdated && !e.Ambiguous {
		a.installations.Hint(s.Name, e.Time)
	}
	if cause, ok := gameCauses[e.Kind]; ok && !e.Ambiguous {
		text := e.Text
		if e.Kind == server.GameJoined {
			text = e.Player + " joined."
		}
		a.schedules.Notify(schedule.Happening{Cause: cause, Server: s.Name, Text: text})
	}
}

// printed passes on a console line, when some schedule looks at them.
func (a *Agent) printed(s server.Server, line string) {
	if a.schedules.Listens() {
		a.schedules.Notify(schedule.Happening{Cause: schedule.OnConsole, Server: s.Name, Text: query.Clean(line)})
	}
}

// eventCauses are the recorded facts that can set off a schedule.
var eventCauses = map[string]schedule.Cause{"server.started": schedule.OnStarted, "server.stopped": schedule.OnStopped,
	"server.crashed": schedule.OnCrashed, "server.hung": schedule.OnHung, "job.failed": schedule.OnJobFail, "plugin.failed": schedule.OnPlugin}

// recorded passes on facts.
func (a *Agent) recorded(events []event.Event) {
	for _, e := range events {
		kind, name, _ := strings.Cut(e.Subject, "/")
		if kind == "schedule" {
			continue // a schedule that fails must not set itself off
		}
		if kind != "server" {
			name = ""
		}
		if cause, ok := eventCauses[e.Kind]; ok {
			a.schedules.Notify(schedule.Happening{Cause: cause, Server: name, Text: e.Message})
		}
		if e.Kind == "server.deleted" {
			go a.forgetServer(name)
		}
	}
}

func (a *Agent) forgetServer(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := a.schedules.Forget(ctx, name); err != nil {
		a.log.Error("switch off schedules of a deleted server", "server", name, "error", err)
	}
}
