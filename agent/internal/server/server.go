// Package server looks after game servers made from blueprints: what each should be (intent), what it
// is (state), and the jobs that bring the two together.
//
// The store holds intent. What is true now is read from the supervisor (processes), the mounter
// (trees) and the game's own answers, so nothing is trusted because a row says so.
package server

import (
	"context"
	"time"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/installation"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/overlay"
)

// Intent is what a server should be.
type Intent string

// Intents.
const (
	IntentStopped Intent = "stopped"
	IntentRunning Intent = "running"
)

// State is what a server is.
type State string

// States.
const (
	Offline  State = "offline"
	Starting State = "starting" // its process runs, the game does not answer yet
	Running  State = "running"  // the game answers
	Stopping State = "stopping"
	Crashed  State = "crashed" // ended by itself and is not started again
	Hung     State = "hung"    // its process runs, the game stopped answering
	Waiting  State = "waiting" // ended by itself and will be started again soon
)

// Server is a game server made from a blueprint.
type Server struct {
	ID           string
	Name         string // unique
	Owner        string // "" is the system
	Blueprint    string // id
	Port         int    // unique
	Intent       Intent
	RCONPassword string          // secret; random, made with the server
	Layers       []content.Layer // of the last start, highest first
	Release      string          // of the game, that it stays at; "" = the present one
	LastJob      string
	StartedAt    time.Time // of the last start; zero = never
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// Reader reads servers. Absent ones are fault.NotFound.
type Reader interface {
	ServerByName(ctx context.Context, name string) (Server, error)
	ServerByID(ctx context.Context, id string) (Server, error)
	// Servers are sorted by name.
	Servers(ctx context.Context) ([]Server, error)
}

// Writer changes servers inside a transaction.
type Writer interface {
	// PutServer inserts or replaces by ID. Conflict: the name or the port is taken (Field "name" or "port").
	PutServer(ctx context.Context, server Server) error
	DeleteServer(ctx context.Context, id string) error
}

// Tx is one transaction of the store.
type Tx interface {
	Reader
	Writer
	blueprint.Reader
	overlay.Reader
	installation.Reader
	job.Tx
	event.Tx
}

// Store keeps servers, and reads what they are made from.
type Store interface {
	Reader
	blueprint.Reader
	overlay.Reader
	installation.Reader
	// Update runs change in one transaction; an error rolls everything back.
	Update(ctx context.Context, change func(Tx) error) error
}
