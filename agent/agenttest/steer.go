package agenttest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/httpapi"
)

// tell appends to what a server's games told. The lock is held.
func (w *world) tell(s *gameServer, e api.GameEvent) {
	e.ID, e.Time = int64(len(s.history)+1), time.Now().UTC()
	s.history = append(s.history, e)
	w.change()
}

func (v serverView) Say(_ context.Context, actor, name string, in api.ServerSay) error {
	defer v.lock()()
	s, err := v.running(name)
	if err != nil {
		return err
	}
	if strings.TrimSpace(in.Text) == "" || strings.ContainsAny(in.Text, "\"\r\n") {
		return fault.New(fault.Invalid, "The game cannot take this text.").WithField("text").WithHint("Leave out double quotes and line breaks.")
	}
	v.print(s, "Console: "+in.Text)
	v.record("server.say", "server/"+name, actor, "Said: %s", in.Text)
	return nil
}

func (v serverView) Kick(_ context.Context, actor, name string, in api.ServerKick) error {
	defer v.lock()()
	s, err := v.running(name)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(s.players, func(p api.Player) bool { return p.UserID == in.UserID })
	if at < 0 {
		return fault.New(fault.NotFound, "Nobody with this number plays on server %q.", name).WithHint("Look at the players again; they may have left.")
	}
	p := s.players[at]
	if in.SteamID != "" && p.SteamID != in.SteamID {
		return fault.New(fault.Conflict, "Number %d is somebody else now.", in.UserID).WithHint("Look at the players again.")
	}
	v.throwOut(s, p, in.Reason)
	v.record("server.kick", "server/"+name, actor, "Kicked %s.", p.Name)
	return nil
}

// throwOut ends a player's game. The lock is held.
func (w *world) throwOut(s *gameServer, p api.Player, reason string) {
	s.players = slices.DeleteFunc(s.players, func(other api.Player) bool { return other.UserID == p.UserID })
	s.Live.Players = len(s.players)
	w.tell(s, api.GameEvent{Kind: "left", Player: p.Name, SteamID: p.SteamID, Text: reason})
}

func (v serverView) Ban(_ context.Context, actor, name string, in api.ServerBan) error {
	defer v.lock()()
	s, err := v.running(name)
	if err != nil {
		return err
	}
	if at := slices.IndexFunc(s.players, func(p api.Player) bool { return p.SteamID == in.SteamID }); at >= 0 {
		v.throwOut(s, s.players[at], "banned")
	}
	v.record("server.ban", "server/"+name, actor, "Banned %s.", in.SteamID)
	return nil
}

func (v serverView) Unban(_ context.Context, actor, name string, in api.ServerUnban) error {
	defer v.lock()()
	if _, err := v.running(name); err != nil {
		return err
	}
	v.record("server.unban", "server/"+name, actor, "Took back the ban of %s.", in.SteamID)
	return nil
}

func (v serverView) Map(_ context.Context, actor, name string, in api.ServerMap) error {
	defer v.lock()()
	s, err := v.running(name)
	if err != nil {
		return err
	}
	if in.Map == "" || strings.ContainsAny(in.Map, "\" ;\r\n") {
		return fault.New(fault.Invalid, "%q is not the name of a map.", in.Map).WithField("map").
			WithHint("Map names have letters, digits, _, . and -, for example c1m1_hotel.")
	}
	s.Live.Map = in.Map
	v.tell(s, api.GameEvent{Kind: "map", Text: in.Map})
	v.record("server.map", "server/"+name, actor, "Changed the map to %s.", in.Map)
	return nil
}

func (v serverView) History(_ context.Context, name string, filter httpapi.GameEventFilter) ([]api.GameEvent, error) {
	defer v.lock()()
	s, ok := v.servers[name]
	if !ok {
		return nil, notFound("server", name)
	}
	var out []api.GameEvent
	for _, e := range slices.Backward(s.history) {
		switch {
		case filter.Kind != "" && e.Kind != filter.Kind, filter.Before > 0 && e.ID >= filter.Before, e.ID <= filter.After:
		case !strings.Contains(strings.ToLower(e.Player+"\n"+e.SteamID+"\n"+e.Text), strings.ToLower(filter.Text)):
		case len(out) < filter.Limit:
			out = append(out, e)
		}
	}
	return out, nil
}
