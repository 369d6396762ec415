package client

import (
	"context"
	"net/http"

	"github.com/left4me/left4me/agent/api"
)

// Servers lists the servers.
func (c *Client) Servers(ctx context.Context) ([]api.Server, error) {
	return get[[]api.Server](ctx, c, api.PathServers)
}

// Server returns one server.
func (c *Client) Server(ctx context.Context, name string) (api.Server, error) {
	return get[api.Server](ctx, c, api.PathServer, name)
}

// CreateServer makes a server. With Start set its LastJob is the start.
func (c *Client) CreateServer(ctx context.Context, in api.ServerCreate) (api.Server, error) {
	return call[api.ServerCreate, api.Server](ctx, c, http.MethodPost, api.PathServers, &in)
}

// DeleteServer stops and deletes a server.
func (c *Client) DeleteServer(ctx context.Context, name string) (api.Job, error) {
	return call[none, api.Job](ctx, c, http.MethodDelete, api.PathServer, nil, name)
}

// StartServer starts a server.
func (c *Client) StartServer(ctx context.Context, name string) (api.Job, error) {
	return post[api.Job](ctx, c, api.PathServerStart, name)
}

// StopServer stops a server.
func (c *Client) StopServer(ctx context.Context, name string) (api.Job, error) {
	return post[api.Job](ctx, c, api.PathServerStop, name)
}

// RestartServer stops a server and starts it with the newest content.
func (c *Client) RestartServer(ctx context.Context, name string) (api.Job, error) {
	return post[api.Job](ctx, c, api.PathServerRestart, name)
}

// KillServer ends a server at once, whatever else is under way.
func (c *Client) KillServer(ctx context.Context, name string) (api.Job, error) {
	return post[api.Job](ctx, c, api.PathServerKill, name)
}

// ResetServer throws away what a stopped server wrote.
func (c *Client) ResetServer(ctx context.Context, name string) (api.Job, error) {
	return post[api.Job](ctx, c, api.PathServerReset, name)
}

// Command runs a console command and returns what the game printed.
func (c *Client) Command(ctx context.Context, name, command string) (api.ServerReply, error) {
	in := api.ServerCommand{Command: command}
	return call[api.ServerCommand, api.ServerReply](ctx, c, http.MethodPost, api.PathServerCommand, &in, name)
}

// Players lists who plays on a server.
func (c *Client) Players(ctx context.Context, name string) ([]api.Player, error) {
	return get[[]api.Player](ctx, c, api.PathServerPlayers, name)
}

// Say shows a message to everybody who plays on a server.
func (c *Client) Say(ctx context.Context, name string, in api.ServerSay) error {
	_, err := call[api.ServerSay, none](ctx, c, http.MethodPost, api.PathServerSay, &in, name)
	return err
}

// Kick throws a player out.
func (c *Client) Kick(ctx context.Context, name string, in api.ServerKick) error {
	_, err := call[api.ServerKick, none](ctx, c, http.MethodPost, api.PathServerKick, &in, name)
	return err
}

// Ban keeps a person out.
func (c *Client) Ban(ctx context.Context, name string, in api.ServerBan) error {
	_, err := call[api.ServerBan, none](ctx, c, http.MethodPost, api.PathServerBan, &in, name)
	return err
}

// Unban lets a person in again.
func (c *Client) Unban(ctx context.Context, name string, in api.ServerUnban) error {
	_, err := call[api.ServerUnban, none](ctx, c, http.MethodPost, api.PathServerUnban, &in, name)
	return err
}

// ChangeMap goes to another map.
func (c *Client) ChangeMap(ctx context.Context, name string, in api.ServerMap) error {
	_, err := call[api.ServerMap, none](ctx, c, http.MethodPost, api.PathServerMap, &in, name)
	return err
}

// HistoryFilter selects game events. Zero fields select everything.
type HistoryFilter struct {
	Kind   string
	Text   string // in player, SteamID64 or text
	Before int64  // only ids below this
	Limit  int    // at most 1000; 0 = 200
}

// History lists what a server's games told, newest first.
func (c *Client) History(ctx context.Context, name string, filter HistoryFilter) ([]api.GameEvent, error) {
	path := withQuery(api.PathServerHistory, "kind", filter.Kind, "text", filter.Text, "before", positive(filter.Before), "limit", positive(int64(filter.Limit)))
	return get[[]api.GameEvent](ctx, c, path, name)
}
