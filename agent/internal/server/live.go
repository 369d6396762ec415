package server

import (
	"fmt"
	"time"
)

// Live is what a running game says about itself.
type Live struct {
	Map        string
	Players    int // people, without bots
	Bots       int
	MaxPlayers int
	Hostname   string
	Version    string
	At         time.Time
}

// Player is one person or bot on a server. Bots have no SteamID.
type Player struct {
	UserID    int
	Name      string
	SteamID   uint64 // SteamID64; 0 = none
	Bot       bool
	Connected time.Duration
	Ping      int // ms
	Loss      int // %
	State     string
}

// String says how a process group ended, for a person.
func (e Exit) String() string {
	said := e.cause()
	if e.Reason != "" {
		return said + ", because " + e.Reason
	}
	return said
}

func (e Exit) cause() string {
	switch {
	case e.OOM:
		return "out of memory"
	case e.Signal != "":
		return "signal " + e.Signal
	}
	return fmt.Sprintf("exit code %d", e.Code)
}
