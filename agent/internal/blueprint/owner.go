package blueprint

import (
	"context"

	"github.com/left4me/left4me/agent/internal/event"
)

// Give makes a blueprint belong to somebody else; owner "" is nobody. Its servers stay whose they are.
func (m *Manager) Give(ctx context.Context, actor, name, owner string) (Blueprint, error) {
	var current Blueprint
	err := m.store.Update(ctx, func(tx Tx) (err error) {
		if current, err = tx.BlueprintByName(ctx, name); err != nil || current.Owner == owner {
			return err
		}
		message := event.Given(current.Owner, owner)
		current.Owner, current.UpdatedAt = owner, m.now()
		return m.put(ctx, tx, current, "blueprint.given", actor, message)
	})
	return current, err
}
