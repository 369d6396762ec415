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
