package daemon

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/query"
	"github.com/left4me/left4me/agent/internal/server"
)

// commandWithin bounds one console command. A map change answers at once; a hung game never does.
const commandWithin = 10 * time.Second

// game talks to running games over loopback. It keeps one RCON connection per port, because srcds takes each
// new one for a possible attacker. It is safe for concurrent use.
type game struct {
	host netip.Addr // where games listen, as seen from here

	mu    sync.Mutex
	rcons map[int]*query.RCON
}

var _ server.Game = (*game)(nil)

func newGame(host netip.Addr) *game { return &game{host: host, rcons: map[int]*query.RCON{}} }

func (g *game) Info(ctx context.Context, port int) (server.Live, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	info, err := query.A2S{Addr: netip.AddrPortFrom(g.host, uint16(port))}.Info(ctx)
	if err != nil {
		return server.Live{}, err
	}
	return server.Live{Map: info.Map, Players: max(info.Players-info.Bots, 0), Bots: info.Bots, MaxPlayers: info.MaxPlayers,
		Hostname: query.Clean(info.Name), Version: info.Version}, nil
}

func (g *game) Exec(ctx context.Context, port int, password, command string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandWithin)
	defer cancel()
	output, err := g.rcon(port, password).Command(ctx, command)
	return output, explainRCON(err)
}

func (g *game) Players(ctx context.Context, port int, password string) ([]server.Player, error) {
	ctx, cancel := context.WithTimeout(ctx, commandWithin)
	defer cancel()
	text, err := g.ask(ctx, port, password, "status")
	if err != nil {
		return nil, explainRCON(err)
	}
	status, err := query.ParseStatus(text)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The game's answer to status makes no sense.").WithSource("game").
			WithHint("Try again; during a map change it may be cut.")
	}
	out := make([]server.Player, len(status.Players))
	for i, p := range status.Players {
		out[i] = server.Player{UserID: p.UserID, Name: query.Clean(p.Name), SteamID: p.SteamID64, Bot: p.Bot,
			Connected: p.Connected, Ping: p.Ping, Loss: p.Loss, State: p.State}
	}
	return out, nil
}

// ask is for questions of our own: what they leave in the game's console can be told from what people ask.
func (g *game) ask(ctx context.Context, port int, password, question string) (string, error) {
	poll := query.NewPoll(password)
	text, err := g.rcon(port, password).Query(ctx, poll.Command(question))
	return poll.Answer(text), err
}

func (g *game) rcon(port int, password string) *query.RCON {
	g.mu.Lock()
	defer g.mu.Unlock()
	client := g.rcons[port]
	if client == nil {
		client = query.NewRCON(query.DialTCP(net.JoinHostPort(g.host.String(), strconv.Itoa(port))), password)
		g.rcons[port] = client
	}
	client.SetPassword(password)
	return client
}

// close ends all connections.
func (g *game) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, client := range g.rcons {
		_ = client.Close()
	}
}

func explainRCON(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, query.ErrCommand):
		return fault.Wrap(err, fault.Invalid, "The game cannot take this command.").WithField("command").
			WithHint("Use one line without line breaks and NUL.")
	case errors.Is(err, query.ErrRefused):
		return fault.Wrap(err, fault.Precondition, "The game refuses the RCON password.").WithSource("game").
			WithHint("Something changed rcon_password after the start; restart the server.")
	}
	if errors.Is(err, query.ErrLost) {
		return fault.Wrap(err, fault.Unavailable, "The game closed the connection before it answered; the command may have run.").
			WithSource("game").WithHint("Read the console, then try again.")
	}
	return fault.Wrap(err, fault.Unavailable, "The game does not answer on its RCON port.").WithSource("game").
		WithHint("Wait for a map change to end, or read the console.")
}
