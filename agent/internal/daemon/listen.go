package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/httpapi"
	"github.com/left4me/left4me/agent/internal/token"
)

// openAPI opens the API's listeners and returns what serves them until its context ends. Nothing else may run yet: the
// socket is made under a mask that counts for the whole process, and a directory made at that moment could not be
// entered.
func (a *Agent) openAPI(ctx context.Context) (serve func(context.Context) error, err error) {
	granted, err := grants(a.config)
	if err != nil {
		return nil, err
	}
	api, err := httpapi.New(httpapi.Config{Services: a.services(), Grants: granted, Log: a.log})
	if err != nil {
		return nil, err
	}
	listeners, err := a.listen(ctx)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return serveOn(ctx, api.NewServer(), listeners) }, nil
}

func serveOn(ctx context.Context, server *httpapi.Server, listeners []net.Listener) error {
	ended := make(chan error, len(listeners))
	for _, listener := range listeners {
		go func() { ended <- server.Serve(listener) }()
	}
	select {
	case err := <-ended:
		return errors.Join(err, server.Close())
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(closing); err != nil {
		return errors.Join(err, server.Close())
	}
	for range listeners {
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
	}
	return nil
}

func (a *Agent) services() httpapi.Services {
	overlays := overlays{manager: a.overlays, store: a.db.OverlayStore(), builders: a.builders, jobs: a.runner, servers: a.servers}
	blueprints := blueprints{manager: a.blueprints, store: a.db.BlueprintStore(), overlays: a.db.OverlayStore()}
	servers := servers{manager: a.servers}
	releases := releases{config: a.config.Installation, manager: a.installations, rollouts: a.rollouts, store: a.db.ReleaseStore(),
		servers: a.db.ServerStore()}
	return httpapi.Services{
		Host:          host{a},
		Plugins:       plugins{host: a.plugins, builders: a.builders, events: a.db},
		Overlays:      overlays,
		OverlayBuilds: overlays,
		Addons: addons{library: a.library, overlays: a.overlays, servers: a.servers, store: a.db.ServerStore(),
			refreshAt: a.config.Overlays.RefreshAt},
		Content:       contents{sweeper: a.sweeper, disk: a.disk},
		Blueprints:    blueprints,
		Owners:        owners{overlays: overlays, blueprints: blueprints, servers: servers},
		Releases:      releases,
		Installation:  releases,
		Servers:       servers,
		ServerActions: servers,
		ServerLive:    servers,
		Files:         files(servers),
		Schedules:     schedules{manager: a.schedules},
		Metrics:       newFigures(a),
		Jobs:          jobs{runner: a.runner},
		Events:        events{store: a.db, broker: a.broker},
		Tokens:        tokens{manager: token.New(a.db.TokenStore(), nil), servers: a.db.ServerStore()},
	}
}

// listen opens the socket, and TCP if it is configured.
func (a *Agent) listen(ctx context.Context) ([]net.Listener, error) {
	socket, err := a.listenSocket(ctx)
	if err != nil {
		return nil, err
	}
	listen := a.config.Listen
	if listen.Address == "" {
		return []net.Listener{socket}, nil
	}
	var config net.ListenConfig
	tcp, err := config.Listen(ctx, "tcp", listen.Address)
	if err != nil {
		return nil, errors.Join(fault.Wrap(err, fault.Precondition, "The API cannot listen on %s.", listen.Address).
			WithHint("End the program that uses the port, or change address in the listen block."), socket.Close())
	}
	if listen.Certificate == "" {
		return []net.Listener{socket, tcp}, nil
	}
	certificate, err := tls.LoadX509KeyPair(listen.Certificate, listen.PrivateKey)
	if err != nil {
		return nil, errors.Join(fault.Wrap(err, fault.Precondition, "The certificate of the API cannot be read.").
			WithHint("Check certificate and private_key in the listen block."), socket.Close(), tcp.Close())
	}
	secured := tls.NewListener(tcp, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13,
		NextProtos: []string{"h2", "http/1.1"}})
	return []net.Listener{socket, secured}, nil
}

// listenSocket replaces a socket that a killed agent left. The database's lock says that no other agent lives.
func (a *Agent) listenSocket(ctx context.Context) (net.Listener, error) {
	path := a.config.Listen.Socket
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fault.Wrap(err, fault.Precondition, "The directory of the socket %s cannot be made.", path).
			WithHint("Create it and give it to the agent's user.")
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.Precondition, "The old socket %s cannot be removed.", path).WithHint("Remove it by hand.")
	}
	// The socket is made with no rights for others, then opened to its group: never the other way round.
	var config net.ListenConfig
	restore := umask(0o177)
	listener, err := config.Listen(ctx, "unix", path)
	restore()
	if err != nil {
		return nil, fault.Wrap(err, fault.Precondition, "The API cannot listen on the socket %s.", path).
			WithHint("A socket's path may have 107 bytes at most, and its directory must be the agent's.")
	}
	if err := a.openSocket(path); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

func (a *Agent) openSocket(path string) error {
	if name := a.config.Listen.SocketGroup; name != "" {
		gid, err := groupID(name)
		if err != nil {
			return err
		}
		if err := os.Chown(path, -1, gid); err != nil {
			return fault.Wrap(err, fault.Precondition, "The socket cannot be given to group %q.", name).
				WithHint("The agent's user must be in the group.")
		}
	}
	return os.Chmod(path, a.config.Listen.SocketMode)
}
