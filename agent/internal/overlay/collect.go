package overlay

import (
	"context"
	"fmt"
	"strings"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
)

// Log takes what a job has to say.
type Log interface {
	Logf(level, format string, args ...any)
}

// Collect removes the revisions of all overlays that nobody needs, and measures the rest. It goes on after the
// failure of one overlay and returns the first.
func (m *Manager) Collect(ctx context.Context, log Log, actor string) error {
	overlays, err := m.store.Overlays(ctx)
	for _, o := range overlays {
		if failed := m.collect(ctx, log, o.ID, actor); failed != nil {
			log.Logf("warn", "Overlay %q: %v", o.Name, failed)
			if err == nil {
				err = failed
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return err
}

// collect removes revisions beyond what is kept. The present one, those a person pinned and those a mount or
// a build uses stay.
func (m *Manager) collect(ctx context.Context, log Log, overlayID, actor string) error {
	current, err := m.store.OverlayByID(ctx, overlayID)
	if err != nil {
		return err
	}
	revisions, err := m.store.Revisions(ctx, overlayID)
	if err != nil {
		return err
	}
	var removed []string
	kept := 0
	for _, revision := range revisions { // newest first
		if revision.ID == current.Revision || revision.Pinned {
			continue
		}
		if kept++; kept <= m.keep {
			continue
		}
		gone, err := m.removeRevision(ctx, revision)
		if fault.Is(err, fault.Precondition) {
			log.Logf("info", "Overlay %q keeps old revision %s for now: %v", current.Name, revision.ID, err)
			continue
		}
		if err != nil {
			return err
		}
		if gone {
			removed = append(removed, revision.ID)
			log.Logf("info", "Removed old revision %s of overlay %q.", revision.ID, current.Name)
		}
	}
	return m.measure(ctx, current, removed, actor)
}

// removeRevision takes the row away first, so that nobody can go back to the revision or pin it while its content
// goes, and brings it back if the mounter keeps the content because it is in use. Content that a crash or a failure
// leaves bears the id of an ended job and is removed with what such jobs leave.
func (m *Manager) removeRevision(ctx context.Context, revision Revision) (bool, error) {
	taken := false
	err := m.store.Update(ctx, func(tx Tx) error {
		current, err := tx.OverlayByID(ctx, revision.Overlay)
		if err != nil {
			return err
		}
		now, err := findRevision(ctx, tx, current, revision.ID)
		if fault.Is(err, fault.NotFound) || err == nil && (now.Pinned || current.Revision == revision.ID) {
			return nil
		}
		if err != nil {
			return err
		}
		taken, revision = true, now
		return tx.DeleteRevision(ctx, revision.Overlay, revision.ID)
	})
	if err != nil || !taken {
		return false, err
	}
	ctx = context.WithoutCancel(ctx) // it is half done
	err = m.disk.Remove(ctx, content.Ref{Layer: revision.Layer()})
	if !fault.Is(err, fault.Precondition) {
		return err == nil, err // after a failure it may be half gone, so it must not come back
	}
	if backErr := m.store.Update(ctx, func(tx Tx) error { return tx.AddRevision(ctx, revision) }); backErr != nil {
		return false, backErr
	}
	return false, err
}

// measure records how much of each revision is its own now, and what was removed.
func (m *Manager) measure(ctx context.Context, o Overlay, removed []string, actor string) error {
	revisions, err := m.store.Revisions(ctx, o.ID)
	if err != nil || len(revisions) == 0 {
		return err
	}
	whole, err := m.disk.Usage(ctx, content.Ref{Layer: content.Layer{Overlay: o.ID}})
	if err != nil {
		return err
	}
	for i := range revisions {
		if revisions[i].Usage, err = m.disk.Usage(ctx, content.Ref{Layer: revisions[i].Layer()}); err != nil {
			return err
		}
	}
	return m.store.Update(ctx, func(tx Tx) error { return m.recordUsage(ctx, tx, o, whole, revisions, removed, actor) })
}

func (m *Manager) recordUsage(ctx context.Context, tx Tx, o Overlay, whole content.Usage, revisions []Revision, removed []string, actor string) error {
	current, err := tx.OverlayByID(ctx, o.ID)
	if err != nil {
		return err
	}
	for _, measured := range revisions {
		now, err := findRevision(ctx, tx, current, measured.ID) // its pin may have changed
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		now.Usage = measured.Usage
		if err := tx.PutRevision(ctx, now); err != nil {
			return err
		}
	}
	freed := int64(current.DiskBytes) - int64(whole.Bytes)
	current.DiskBytes = whole.Bytes
	if err := tx.PutOverlay(ctx, current); err != nil || len(removed) == 0 {
		return err
	}
	message := fmt.Sprintf("Removed %d old revisions: %s.", len(removed), strings.Join(removed, ", "))
	if len(removed) == 1 {
		message = fmt.Sprintf("Removed old revision %s.", removed[0])
	}
	if freed > 0 {
		message += fmt.Sprintf(" The overlay takes %s less.", size(uint64(freed)))
	}
	return tx.AddEvent(ctx, m.event("overlay.collected", current, actor, message))
}

// Pin keeps a revision until it is unpinned, however old it becomes.
func (m *Manager) Pin(ctx context.Context, actor, name, revision string, pinned bool) (Revision, error) {
	var found Revision
	err := m.store.Update(ctx, func(tx Tx) error {
		current, err := tx.OverlayByName(ctx, name)
		if err != nil {
			return err
		}
		if found, err = findRevision(ctx, tx, current, revision); err != nil || found.Pinned == pinned {
			return err
		}
		found.Pinned = pinned
		if err := tx.PutRevision(ctx, found); err != nil {
			return err
		}
		kind, verb := "overlay.pinned", "Pinned"
		if !pinned {
			kind, verb = "overlay.unpinned", "Unpinned"
		}
		return tx.AddEvent(ctx, m.event(kind, current, actor, verb+" revision "+revision+"."))
	})
	return found, err
}
