package daemon

import (
	"context"
	"strconv"
	"strings"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/httpapi"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/query"
	"github.com/left4me/left4me/agent/internal/server"
)

// servers serves httpapi.Servers, ServerActions and ServerLive.
type servers struct {
	manager *server.Manager
}

var (
	_ httpapi.Servers       = servers{}
	_ httpapi.ServerActions = servers{}
	_ httpapi.ServerLive    = servers{}
)

func (s servers) List(ctx context.Context) ([]api.Server, error) {
	views, err := s.manager.Views(ctx)
	out := make([]api.Server, len(views))
	for i, view := range views {
		out[i] = showServer(view)
	}
	return out, err
}

func (s servers) Get(ctx context.Context, name string) (api.Server, error) {
	view, err := s.manager.View(ctx, name)
	return showServer(view), err
}

func (s servers) Create(ctx context.Context, actor string, create api.ServerCreate) (api.Server, error) {
	made, err := s.manager.Create(ctx, actor, server.Draft{Name: create.Name, Blueprint: create.Blueprint, Owner: ownerOf(actor), Port: create.Port})
	if err != nil {
		return api.Server{}, err
	}
	if create.Start {
		if _, err := s.manager.Start(ctx, actor, made.Name); err != nil {
			return api.Server{}, err
		}
	}
	return s.Get(ctx, made.Name)
}

func (s servers) Delete(ctx context.Context, actor, name string) (api.Job, error) {
	return shown(s.manager.Delete(ctx, actor, name))
}

func (s servers) Start(ctx context.Context, actor, name string) (api.Job, error) {
	return shown(s.manager.Start(ctx, actor, name))
}

func (s servers) Stop(ctx context.Context, actor, name string) (api.Job, error) {
	return shown(s.manager.Stop(ctx, actor, name))
}

func (s servers) Restart(ctx context.Context, actor, name string) (api.Job, error) {
	return shown(s.manager.Restart(ctx, actor, name))
}

func (s servers) Kill(ctx context.Context, actor, name string) (api.Job, error) {
	return shown(s.manager.Kill(ctx, actor, name))
}

func (s servers) Reset(ctx context.Context, actor, name string) (api.Job, error) {
	return shown(s.manager.Reset(ctx, actor, name))
}

func (s servers) Pin(ctx context.Context, actor, name string, in api.ServerRelease) (api.Server, error) {
	if err := s.manager.PinRelease(ctx, actor, name, in.Release); err != nil {
		return api.Server{}, err
	}
	return s.Get(ctx, name)
}

func (s servers) Command(ctx context.Context, actor, name, command string) (api.ServerReply, error) {
	output, err := s.manager.Command(ctx, actor, name, command)
	return api.ServerReply{Output: cleanLines(output)}, err
}

func (s servers) Players(ctx context.Context, name string) ([]api.Player, error) {
	players, err := s.manager.Players(ctx, name)
	out := make([]api.Player, len(players))
	for i, p := range players {
		out[i] = api.Player{UserID: p.UserID, Name: p.Name, Bot: p.Bot, Connected: int(p.Connected.Seconds()), Ping: p.Ping,
			Loss: p.Loss, State: p.State, SteamID: steamText(p.SteamID)}
	}
	return out, err
}

func (s servers) Say(ctx context.Context, actor, name string, in api.ServerSay) error {
	return s.manager.Say(ctx, actor, name, in.Text)
}

func (s servers) Kick(ctx context.Context, actor, name string, in api.ServerKick) error {
	if in.SteamID == "" {
		return s.manager.Kick(ctx, actor, name, in.UserID, 0, in.Reason)
	}
	person, err := steamID(in.SteamID)
	if err != nil {
		return err
	}
	return s.manager.Kick(ctx, actor, name, in.UserID, person, in.Reason)
}

func (s servers) Ban(ctx context.Context, actor, name string, in api.ServerBan) error {
	person, err := steamID(in.SteamID)
	if err != nil {
		return err
	}
	return s.manager.Ban(ctx, actor, name, person, in.Minutes)
}

func (s servers) Unban(ctx context.Context, actor, name string, in api.ServerUnban) error {
	person, err := steamID(in.SteamID)
	if err != nil {
		return err
	}
	return s.manager.Unban(ctx, actor, name, person)
}

func (s servers) Map(ctx context.Context, actor, name string, in api.ServerMap) error {
	return s.manager.ChangeMap(ctx, actor, name, in.Map, in.Mode)
}

func (s servers) History(ctx context.Context, name string, f httpapi.GameEventFilter) ([]api.GameEvent, error) {
	filter := server.GameEventFilter{Before: f.Before, After: f.After, Text: f.Text, Limit: f.Limit}
	if f.Kind != "" {
		filter.Kinds = []server.GameEventKind{server.GameEventKind(f.Kind)}
	}
	found, err := s.manager.GameEvents(ctx, name, filter)
	out := make([]api.GameEvent, len(found))
	for i, e := range found {
		out[i] = api.GameEvent{ID: e.ID, Time: e.Time, Kind: string(e.Kind), Player: e.Player, SteamID: steamText(e.SteamID),
			Text: e.Text, Ambiguous: e.Ambiguous}
	}
	return out, err
}

// steamID reads a SteamID64 in decimal.
func steamID(text string) (uint64, error) {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || id == 0 {
		return 0, fault.New(fault.Invalid, "%q is not a SteamID64.", text).WithField("steam_id").
			WithHint("A SteamID64 has 17 digits and begins with 7656119.")
	}
	return id, nil
}

// steamText is how a SteamID64 goes over the wire; "" for none.
func steamText(id uint64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatUint(id, 10)
}

func (s servers) Console(ctx context.Context, name, cursor string, tail int, follow bool, report func(api.ConsoleLine, int) error) error {
	return s.manager.ReadConsole(ctx, name, cursor, tail, follow, func(line server.Line) error {
		return report(api.ConsoleLine{Cursor: line.Cursor, Time: line.Time, Text: query.Clean(line.Text)}, line.Dropped)
	})
}

// shown gives the outcome of an action its wire form.
func shown(queued job.Job, err error) (api.Job, error) { return showJob(queued), err }

func showServer(v server.View) api.Server {
	out := api.Server{ID: v.ID, Name: v.Name, Owner: v.Owner, Blueprint: v.BlueprintName, Port: v.Port, Intent: string(v.Intent),
		State: string(v.State), Reason: v.Reason, Pending: v.Pending, Release: v.Release, PID: v.Unit.PID, StartedAt: optional(v.Unit.StartedAt),
		LastJob: v.LastJob, CreatedAt: v.CreatedAt}
	for _, layer := range v.Layers {
		out.Layers = append(out.Layers, api.Layer{Overlay: layer.Name, Revision: layer.Revision, Release: layer.Release, Newer: layer.Newer})
	}
	if v.Live != nil {
		out.Live = &api.Live{Map: v.Live.Map, Players: v.Live.Players, Bots: v.Live.Bots, MaxPlayers: v.Live.MaxPlayers,
			Hostname: v.Live.Hostname, Version: v.Live.Version, At: v.Live.At}
	}
	return out
}

// cleanLines makes what a command printed safe to show, line by line.
func cleanLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = query.Clean(line)
	}
	return strings.Join(lines, "\n")
}
