package overlay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/left4me/left4me/agent/internal/addon"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/id"
	"github.com/left4me/left4me/agent/internal/job"
)

// Disk is what overlays need of the mounter.
type Disk interface {
	content.Stager
	content.Remover
	content.Browser
	content.Measurer
	Diff(ctx context.Context, overlay, from, to string, report func(content.Change) error) error
}

// Options of a Manager. All fields but Keep and Now are required.
type Options struct {
	Store    Store
	Jobs     Jobs
	Builders Builders
	Disk     Disk
	Addons   addon.Source
	// Keep is how many revisions an overlay keeps besides the present one; 0 = 3.
	Keep int
	// QuotaEvery is the least time between two looks at how large a running build has become; 0 = 2 s.
	QuotaEvery time.Duration
	Now        func() time.Time
}

// Manager creates, builds and removes overlays. It is safe for concurrent use.
type Manager struct {
	store    Store
	jobs     Jobs
	builders Builders
	disk     Disk
	addons   addon.Source
	keep     int
	quota    time.Duration
	now      func() time.Time
	listed   recent
}

// New returns a Manager. Its Handlers must be registered with the job engine.
func New(options Options) *Manager {
	m := &Manager{store: options.Store, jobs: options.Jobs, builders: options.Builders, disk: options.Disk,
		addons: options.Addons, keep: options.Keep, quota: options.QuotaEvery, now: options.Now}
	if m.keep == 0 {
		m.keep = 3
	}
	if m.quota == 0 {
		m.quota = 2 * time.Second
	}
	if m.now == nil {
		m.now = time.Now
	}
	return m
}

// Draft is a new overlay.
type Draft struct {
	Name     string
	Type     string
	Settings json.RawMessage
	System   bool
	Owner    string
}

// Create adds an overlay; nothing is built yet. Invalid: the name or the settings; Conflict: the name is
// taken; Precondition: no enabled plugin has the type.
func (m *Manager) Create(ctx context.Context, actor string, draft Draft) (Overlay, error) {
	if err := id.CheckName("overlay", draft.Name); err != nil {
		return Overlay{}, err
	}
	settings := orEmpty(draft.Settings)
	if err := m.validate(ctx, draft.Type, settings); err != nil {
		return Overlay{}, err
	}
	now := m.now()
	created := Overlay{ID: id.New(), Name: draft.Name, Type: draft.Type, Settings: settings, System: draft.System,
		Owner: draft.Owner, CreatedAt: now, UpdatedAt: now}
	err := m.store.Update(ctx, func(tx Tx) error {
		if err := tx.PutOverlay(ctx, created); err != nil {
			return err
		}
		return tx.AddEvent(ctx, m.event("overlay.created", created, actor, "Overlay created."))
	})
	return created, err
}

// Change is what Edit may alter; nil fields stay.
type Change struct {
	Settings json.RawMessage
	System   *bool
}

// Edit changes an overlay. The next build uses the new settings; the present revision stays.
func (m *Manager) Edit(ctx context.Context, actor, name string, change Change) (Overlay, error) {
	current, err := m.store.OverlayByName(ctx, name)
	if err != nil {
		return Overlay{}, err
	}
	if change.Settings != nil {
		if err := m.validate(ctx, current.Type, change.Settings); err != nil {
			return Overlay{}, err
		}
	}
	err = m.store.Update(ctx, func(tx Tx) error {
		if current, err = tx.OverlayByName(ctx, name); err != nil {
			return err
		}
		if change.Settings != nil {
			current.Settings = change.Settings
		}
		if change.System != nil {
			current.System = *change.System
		}
		current.UpdatedAt = m.now()
		if err := tx.PutOverlay(ctx, current); err != nil {
			return err
		}
		return tx.AddEvent(ctx, m.event("overlay.edited", current, actor, "Overlay edited."))
	})
	return current, err
}

// Rollback makes an earlier revision the one that new starts use.
func (m *Manager) Rollback(ctx context.Context, actor, name, revision string) (Overlay, error) {
	var current Overlay
	err := m.store.Update(ctx, func(tx Tx) (err error) {
		if current, err = tx.OverlayByName(ctx, name); err != nil {
			return err
		}
		if _, err := findRevision(ctx, tx, current, revision); err != nil {
			return err
		}
		current.Revision, current.UpdatedAt = revision, m.now()
		if err := tx.PutOverlay(ctx, current); err != nil {
			return err
		}
		return tx.AddEvent(ctx, m.event("overlay.rolled_back", current, actor, "Rolled back to revision "+revision+"."))
	})
	return current, err
}

// Diff reports what changed from one revision to another; from "" compares with nothing.
func (m *Manager) Diff(ctx context.Context, name, from, to string, report func(content.Change) error) error {
	current, err := m.store.OverlayByName(ctx, name)
	if err != nil {
		return err
	}
	for _, revision := range []string{from, to} {
		if revision == "" {
			continue
		}
		if _, err := findRevision(ctx, m.store, current, revision); err != nil {
			return err
		}
	}
	return m.disk.Diff(ctx, current.ID, from, to, report)
}

// validate refuses settings that the type's builder calls wrong.
func (m *Manager) validate(ctx context.Context, typeName string, settings json.RawMessage) error {
	if !json.Valid(settings) {
		return fault.New(fault.Invalid, "The settings are not valid JSON.").WithField("settings").
			WithHint("Check for a missing quote, brace or comma.")
	}
	builder, err := m.builders.Builder(typeName)
	if err != nil {
		return err
	}
	findings, err := builder.Validate(ctx, settings)
	if err != nil {
		return err
	}
	for _, finding := range findings {
		if finding.Error {
			return fault.New(fault.Invalid, "%s", finding.Summary).WithHint("%s", finding.Detail).
				WithField("settings" + finding.Pointer)
		}
	}
	return nil
}

func (m *Manager) event(kind string, o Overlay, actor, message string) event.Event {
	return event.Event{Time: m.now(), Kind: kind, Subject: label(o), Actor: actor, Message: message}
}

func findRevision(ctx context.Context, reader Reader, o Overlay, wanted string) (Revision, error) {
	revisions, err := reader.Revisions(ctx, o.ID)
	if err != nil {
		return Revision{}, err
	}
	for _, revision := range revisions {
		if revision.ID == wanted {
			return revision, nil
		}
	}
	return Revision{}, fault.New(fault.NotFound, "Overlay %q has no revision %q.", o.Name, wanted).
		WithHint("List its revisions with: left4me overlay revisions %s", o.Name)
}

// orEmpty gives settings that were left out their JSON form.
func orEmpty(settings json.RawMessage) json.RawMessage {
	if len(bytes.TrimSpace(settings)) == 0 {
		return json.RawMessage("{}")
	}
	return settings
}

// subject is the lock that an overlay's jobs run under; label is the same for a person.
func subject(o Overlay) string { return "overlay/" + o.ID }
func label(o Overlay) string   { return "overlay/" + o.Name }

// BuildSpec asks for a build of o. One that would do the same and is queued or running is returned instead. A
// build from empty, or with other settings, is another one: it waits for the one under way.
func BuildSpec(o Overlay, actor string, wipe bool) job.Spec {
	settings := sha256.Sum256(o.Settings)
	return job.Spec{Kind: KindBuild, Subject: subject(o), Label: label(o), Actor: actor, Coalesce: true,
		Params: buildParams{Overlay: o.ID, Wipe: wipe, Settings: hex.EncodeToString(settings[:8])}}
}
