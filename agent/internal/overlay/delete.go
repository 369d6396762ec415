package overlay

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

type deleteParams struct {
	Overlay string `json:"overlay"`
}

// Delete queues the removal of an overlay with all its revisions. Precondition: a blueprint lists it,
// and its type exists.
func (m *Manager) Delete(ctx context.Context, actor, name string) (job.Job, error) {
	var queued job.Job
	err := m.store.Update(ctx, func(tx Tx) error {
		current, err := tx.OverlayByName(ctx, name)
		if err != nil {
			return err
		}
		if m.typeExists(ctx, current.Type) {
			if err := unused(ctx, tx, current); err != nil {
				return err
			}
		}
		queued, _, err = tx.AddJob(ctx, job.Spec{Kind: KindDelete, Subject: subject(current), Label: label(current),
			Actor: actor, Coalesce: true, Params: deleteParams{Overlay: current.ID}})
		return err
	})
	m.jobs.Wake()
	return queued, err
}

func unused(ctx context.Context, reader Reader, o Overlay) error {
	users, err := reader.OverlayUsers(ctx, o.ID)
	if err != nil || len(users) == 0 {
		return err
	}
	return fault.New(fault.Precondition, "Cannot delete overlay %q: %s.", o.Name, listedBy(users)).
		WithHint("Take it out of the blueprint first.")
}

func listedBy(users []string) string {
	if len(users) == 1 {
		return "blueprint " + users[0] + " lists it"
	}
	return "blueprints " + strings.Join(users, ", ") + " list it"
}

func (m *Manager) runDelete(ctx context.Context, run *job.Run) error {
	var params deleteParams
	if err := run.Params(&params); err != nil {
		return err
	}
	current, err := m.store.OverlayByID(ctx, params.Overlay)
	if fault.Is(err, fault.NotFound) {
		run.Summary("It was gone already.")
		return nil
	}
	if err != nil {
		return err
	}
	check := func(ctx context.Context) error {
		if m.typeExists(ctx, current.Type) {
			return unused(ctx, m.store, current)
		}
		return m.unlist(ctx, run, current)
	}
	if err := run.Step(ctx, "check", check, nil); err != nil {
		return err
	}
	return run.Step(ctx, "remove", func(ctx context.Context) error { return m.remove(ctx, run, current) }, nil)
}

// typeExists reports whether an enabled plugin makes overlays of a type, also one that is down at the moment.
func (m *Manager) typeExists(ctx context.Context, name string) bool {
	return slices.ContainsFunc(m.builders.Types(ctx), func(t Type) bool { return t.Name == name })
}

// unlist takes an overlay that nothing can build any more out of the blueprints that list it (S17): with it no server of
// theirs can start.
func (m *Manager) unlist(ctx context.Context, run *job.Run, o Overlay) error {
	return m.store.Update(ctx, func(tx Tx) error {
		users, err := tx.OverlayUsers(ctx, o.ID)
		if err != nil || len(users) == 0 {
			return err
		}
		if err := tx.UnlistOverlay(ctx, o.ID); err != nil {
			return err
		}
		for _, name := range users {
			run.Logf("info", "Blueprint %q lists it no more.", name)
			e := event.Event{Time: m.now(), Kind: "blueprint.edited", Subject: "blueprint/" + name, Actor: run.Job().Actor,
				Message: fmt.Sprintf("Overlay %q was taken out: it is deleted, and its type does not exist any more.", o.Name)}
			if err := tx.AddEvent(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func (m *Manager) remove(ctx context.Context, run *job.Run, o Overlay) error {
	revisions, err := m.store.Revisions(ctx, o.ID)
	if err != nil {
		return err
	}
	for _, revision := range revisions {
		if err := m.disk.Remove(ctx, content.Ref{Layer: revision.Layer()}); err != nil {
			return err
		}
	}
	m.forget(ctx, run, o)
	return m.store.Update(ctx, func(tx Tx) error {
		if err := tx.DeleteOverlay(ctx, o.ID); err != nil {
			return err
		}
		return tx.AddEvent(ctx, m.event("overlay.deleted", o, run.Job().Actor, "Overlay deleted."))
	})
}

// forget lets the builder drop its own data. A builder that is gone or down must not keep an overlay
// alive (S17), so a failure is only logged.
func (m *Manager) forget(ctx context.Context, run *job.Run, o Overlay) {
	builder, err := m.builders.Builder(o.Type)
	if err == nil {
		err = builder.Forget(ctx, o.ID)
	}
	if err != nil {
		run.Logf("warn", "The builder could not drop what it keeps for this overlay: %v", err)
	}
}
