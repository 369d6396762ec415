package server

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/internal/query"
)

// logSecret is the number that the log datagrams of a server carry (sv_logsecret, a positive 32-bit integer). It is made
// from the server's own secret, so that a new agent knows it too, and tells nothing about that.
func logSecret(s Server) uint32 {
	sum := sha256.Sum256([]byte("left4me log " + s.ID + " " + s.RCONPassword))
	return binary.BigEndian.Uint32(sum[:4])&0x7fffffff | 1
}

// senders knows servers by the number that their datagrams carry.
type senders struct {
	mu      sync.Mutex
	known   map[uint64]Server
	learned time.Time
}

// sendersEvery bounds how often strangers' datagrams make the agent look for new servers.
const sendersEvery = 5 * time.Second

func (m *Manager) sender(ctx context.Context, secret uint64) (Server, bool, error) {
	m.senders.mu.Lock()
	defer m.senders.mu.Unlock()
	if s, ok := m.senders.known[secret]; ok || m.Now().Sub(m.senders.learned) < sendersEvery {
		return s, ok, nil
	}
	servers, err := m.Store.Servers(ctx)
	if err != nil {
		return Server{}, false, err
	}
	m.senders.known, m.senders.learned = map[uint64]Server{}, m.Now()
	for _, s := range servers {
		m.senders.known[uint64(logSecret(s))] = s
	}
	s, ok := m.senders.known[secret]
	return s, ok, nil
}

// TakeLog takes a datagram of a game's log (see LogAddress). One that does not carry the number of a server is left
// alone: anybody can send to a UDP port.
func (m *Manager) TakeLog(ctx context.Context, datagram []byte) error {
	text, secret, ok := query.ParseLogDatagram(datagram)
	if !ok || secret == 0 {
		return nil
	}
	s, ok, err := m.sender(ctx, secret)
	if err != nil || !ok {
		return err
	}
	m.tracker.printed(s.ID)
	events := gameEvents(Line{Time: m.Now(), Text: text})
	for i := range events {
		events[i].Server = s.ID
		m.learn(s, events[i])
		if m.OnGame != nil {
			m.OnGame(s, events[i])
		}
	}
	if len(events) == 0 {
		return nil
	}
	return m.History.SaveGameEvents(ctx, s.ID, "", events)
}

// learn tells the tracker and the rosters what a line means for them. What players can forge is left out.
func (m *Manager) learn(s Server, e GameEvent) {
	if e.Ambiguous {
		return
	}
	switch e.Kind {
	case GameMapEnd:
		m.tracker.loading(s.ID, true)
	case GameMap:
		m.tracker.loading(s.ID, false)
	case GameJoined, GameLeft, GameEmpty:
		m.rosters.drop(s.ID)
	}
}
