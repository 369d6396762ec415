// Package event is the record of facts: what happened to which subject, when, and by whom.
//
// Events are appended in the transaction that makes them true and never edited. They are the audit
// trail and, through [Broker], the live feed.
package event

import (
	"context"
	"encoding/json"
	"time"
)

// Event is one recorded fact.
type Event struct {
	ID      int64 // rising; set by the store
	Time    time.Time
	Kind    string // "server.started"
	Subject string // "server/alpha"
	Actor   string // who asked; "" is the system
	Message string // one sentence for a person
	Data    json.RawMessage
}

// Filter selects events. Zero fields select everything.
type Filter struct {
	Subject string
	After   int64 // only ids above this
	Limit   int   // at most this many, newest last; 0 = 200
}

// Tx appends events inside a transaction of the store.
type Tx interface {
	AddEvent(ctx context.Context, event Event) error
}
