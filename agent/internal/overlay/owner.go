package overlay

import (
	"context"

	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
)

// Give makes an overlay belong to somebody else; owner "" is nobody. Blueprints that list it stay whose they are.
// Precondition: it is system-wide, and so belongs to nobody.
func (m *Manager) Give(ctx context.Context, actor, name, owner string) (Overlay, error) {
	var current Overlay
	err := m.store.Update(ctx, func(tx Tx) (err error) {
		if current, err = tx.OverlayByName(ctx, name); err != nil || current.Owner == owner {
			return err
		}
		if current.System && owner != "" {
			return fault.New(fault.Precondition, "Overlay %q is system-wide: it belongs to nobody, and everybody may use it.", name).
				WithHint("End that first with: left4me overlay set %s --system=false", name)
		}
		message := event.Given(current.Owner, owner)
		current.Owner, current.UpdatedAt = owner, m.now()
		if err := tx.PutOverlay(ctx, current); err != nil {
			return err
		}
		return tx.AddEvent(ctx, m.event("overlay.given", current, actor, message))
	})
	return current, err
}
