package blueprint

import (
	"context"
	"time"

	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/id"
	"github.com/left4me/left4me/agent/internal/overlay"
)

// MaxOverlays is how many overlays a blueprint may list. Every layer makes the first look for a missing
// file a little slower, see docs/explanation/layers.md.
const MaxOverlays = 128

// Manager creates, edits and removes blueprints. It is safe for concurrent use.
type Manager struct {
	store Store
	now   func() time.Time
}

// New returns a Manager.
func New(store Store) *Manager { return &Manager{store: store, now: time.Now} }

// Draft is a new blueprint. Overlays are names here.
type Draft struct {
	Name      string
	Owner     string
	Overlays  []string
	Arguments []string
	Config    []string
	Settings  Settings
}

// Create adds a blueprint. Invalid: a value; NotFound: an overlay; Conflict: the name is taken.
func (m *Manager) Create(ctx context.Context, actor string, draft Draft) (Blueprint, error) {
	if err := id.CheckName("blueprint", draft.Name); err != nil {
		return Blueprint{}, err
	}
	now := m.now()
	created := Blueprint{ID: id.New(), Name: draft.Name, Owner: draft.Owner, Arguments: draft.Arguments,
		Config: draft.Config, Settings: draft.Settings, CreatedAt: now, UpdatedAt: now}
	if err := created.Check(); err != nil {
		return Blueprint{}, err
	}
	err := m.store.Update(ctx, func(tx Tx) (err error) {
		if created.Overlays, err = overlayIDs(ctx, tx, draft.Overlays); err != nil {
			return err
		}
		return m.put(ctx, tx, created, "blueprint.created", actor, "Blueprint created.")
	})
	return created, err
}

// Change is what Edit may alter; nil fields stay. Overlays are names here.
type Change struct {
	Overlays  *[]string
	Arguments *[]string
	Config    *[]string
	Settings  *Settings
}

// Edit changes a blueprint. Its servers take it up at their next start.
func (m *Manager) Edit(ctx context.Context, actor, name string, change Change) (Blueprint, error) {
	var current Blueprint
	err := m.store.Update(ctx, func(tx Tx) (err error) {
		if current, err = tx.BlueprintByName(ctx, name); err != nil {
			return err
		}
		if change.Overlays != nil {
			if current.Overlays, err = overlayIDs(ctx, tx, *change.Overlays); err != nil {
				return err
			}
		}
		change.apply(&current)
		if err := current.Check(); err != nil {
			return err
		}
		current.UpdatedAt = m.now()
		return m.put(ctx, tx, current, "blueprint.edited", actor, "Blueprint edited.")
	})
	return current, err
}

func (c Change) apply(b *Blueprint) {
	if c.Arguments != nil {
		b.Arguments = *c.Arguments
	}
	if c.Config != nil {
		b.Config = *c.Config
	}
	if c.Settings != nil {
		b.Settings = *c.Settings
	}
}

// Delete removes a blueprint. Precondition: a server is made from it.
func (m *Manager) Delete(ctx context.Context, actor, name string) error {
	return m.store.Update(ctx, func(tx Tx) error {
		current, err := tx.BlueprintByName(ctx, name)
		if err != nil {
			return err
		}
		users, err := tx.BlueprintUsers(ctx, current.ID)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return fault.New(fault.Precondition, "Cannot delete blueprint %q: server %q is made from it.", name, users[0]).
				WithHint("Delete its servers first.")
		}
		if err := tx.DeleteBlueprint(ctx, current.ID); err != nil {
			return err
		}
		return tx.AddEvent(ctx, m.event("blueprint.deleted", current, actor, "Blueprint deleted."))
	})
}

func (m *Manager) put(ctx context.Context, tx Tx, b Blueprint, kind, actor, message string) error {
	if err := tx.PutBlueprint(ctx, b); err != nil {
		return err
	}
	return tx.AddEvent(ctx, m.event(kind, b, actor, message))
}

func (m *Manager) event(kind string, b Blueprint, actor, message string) event.Event {
	return event.Event{Time: m.now(), Kind: kind, Subject: "blueprint/" + b.Name, Actor: actor, Message: message}
}

func overlayIDs(ctx context.Context, reader overlay.Reader, names []string) ([]string, error) {
	if len(names) > MaxOverlays {
		return nil, fault.New(fault.Invalid, "A blueprint may list at most %d overlays; this one lists %d.",
			MaxOverlays, len(names)).WithField("overlays").WithHint("Put several of them into one overlay.")
	}
	ids := make([]string, 0, len(names))
	seen := map[string]bool{}
	for _, name := range names {
		found, err := reader.OverlayByName(ctx, name)
		if e, ok := fault.Of(err); ok {
			return nil, e.WithField("overlays")
		}
		if err != nil {
			return nil, err
		}
		if seen[found.ID] {
			return nil, fault.New(fault.Invalid, "Overlay %q is listed twice.", name).WithField("overlays").
				WithHint("Keep the higher one.")
		}
		seen[found.ID] = true
		ids = append(ids, found.ID)
	}
	return ids, nil
}
