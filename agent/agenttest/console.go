package agenttest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
)

func (v serverView) running(name string) (*gameServer, error) {
	s, ok := v.servers[name]
	if !ok {
		return nil, notFound("server", name)
	}
	if s.Live == nil {
		return nil, fault.New(fault.Precondition, "Server %q is %s.", name, s.State).WithHint("Start it, or wait until it answers.")
	}
	return s, nil
}

func (v serverView) Command(_ context.Context, actor, name, command string) (api.ServerReply, error) {
	defer v.lock()()
	s, err := v.running(name)
	if err != nil {
		return api.ServerReply{}, err
	}
	if command == "" || strings.ContainsAny(command, "\r\n\x00") {
		return api.ServerReply{}, fault.New(fault.Invalid, "A command must be one line without control characters.").
			WithField("command").WithHint("Send one command at a time.")
	}
	v.print(s, "rcon: "+command)
	v.record("server.command", "server/"+name, actor, "A console command was run on server %q.", name)
	word, rest, _ := strings.Cut(command, " ")
	switch word {
	case "status":
		return api.ServerReply{Output: "hostname: " + s.Live.Hostname + "\nmap     : " + s.Live.Map + "\n"}, nil
	case "say":
		return api.ServerReply{Output: "Console: " + rest + "\n"}, nil
	case "changelevel", "map":
		s.Live.Map = rest
		v.change()
		return api.ServerReply{}, nil
	}
	return api.ServerReply{Output: "Unknown command \"" + word + "\"\n"}, nil
}

func (v serverView) Players(_ context.Context, name string) ([]api.Player, error) {
	defer v.lock()()
	s, err := v.running(name)
	if err != nil {
		return nil, err
	}
	return slices.Clone(s.players), nil
}

func (v serverView) Console(ctx context.Context, name, cursor string, tail int, follow bool, report func(api.ConsoleLine, int) error) error {
	v.mu.Lock()
	s, ok := v.servers[name]
	if !ok {
		v.mu.Unlock()
		return notFound("server", name)
	}
	next, err := strconv.Atoi(strings.TrimPrefix(cursor, "c"))
	if err != nil || next < 0 || next > len(s.console) {
		next = max(0, len(s.console)-tail)
	}
	v.mu.Unlock()
	return v.watch(ctx, func() (func() error, bool) {
		fresh := slices.Clone(s.console[next:])
		next = len(s.console)
		return func() error {
			for _, line := range fresh {
				if err := report(line, 0); err != nil {
					return err
				}
			}
			return nil
		}, !follow
	})
}

// print adds a line to a console. The lock is held.
func (w *world) print(s *gameServer, text string) {
	s.console = append(s.console, api.ConsoleLine{Cursor: "c" + strconv.Itoa(len(s.console)+1), Time: time.Now().UTC(), Text: text})
	w.change()
}

// Print makes a server print lines on its console.
func (a *Agent) Print(server string, lines ...string) {
	a.t.Helper()
	a.onServer(server, func(s *gameServer) {
		for _, line := range lines {
			a.w.print(s, line)
		}
	})
}

// SetPlayers says who plays on a server.
func (a *Agent) SetPlayers(server string, players ...api.Player) {
	a.t.Helper()
	a.onServer(server, func(s *gameServer) {
		s.players = players
		if s.Live != nil {
			s.Live.Players = len(players)
		}
	})
}

// Crash ends a running server by itself.
func (a *Agent) Crash(server, reason string) {
	a.t.Helper()
	a.onServer(server, func(s *gameServer) {
		s.State, s.Reason, s.PID, s.Live, s.StartedAt = "crashed", reason, 0, nil, nil
		a.w.record("server.crashed", "server/"+server, "", "%s", reason)
	})
}

// ChangeServer changes what the agent says about a server.
func (a *Agent) ChangeServer(server string, change func(*api.Server)) {
	a.t.Helper()
	a.onServer(server, func(s *gameServer) { change(&s.Server) })
}

func (a *Agent) onServer(name string, do func(*gameServer)) {
	a.t.Helper()
	defer a.w.lock()()
	s, ok := a.w.servers[name]
	if !ok {
		a.t.Errorf("there is no server %q", name)
		return
	}
	do(s)
	a.w.change()
}
