package server

import (
	"context"

	"github.com/left4me/left4me/agent/internal/event"
)

// Give makes a server belong to somebody else; owner "" is nobody. It goes on running, and its blueprint stays whose
// it is.
func (m *Manager) Give(ctx context.Context, actor, name, owner string) (Server, error) {
	var current Server
	err := m.Store.Update(ctx, func(tx Tx) (err error) {
		if current, err = tx.ServerByName(ctx, name); err != nil || current.Owner == owner {
			return err
		}
		message := event.Given(current.Owner, owner)
		current.Owner, current.UpdatedAt = owner, m.Now()
		if err := tx.PutServer(ctx, current); err != nil {
			return err
		}
		return tx.AddEvent(ctx, m.event("server.given", current, actor, message))
	})
	return current, err
}
