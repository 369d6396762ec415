package installation

import (
	"context"
	"fmt"
	"time"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/job"
)

// KindInstall is the job that makes a release.
const KindInstall = "installation.install"

// subject is the lock of all installation jobs.
const subject = "installation"

// Source fetches the game. Implementations write below dir only.
type Source interface {
	// Fetch fills dir, which shows the present release or nothing, and returns the game's version.
	Fetch(ctx context.Context, dir string, report Report) (version string, err error)
}

// Report receives what a Source has to say.
type Report interface {
	Progress(progress job.Progress)
	Logf(level, format string, args ...any)
}

// Jobs is what is needed of the job engine besides queuing in a transaction.
type Jobs interface {
	Wake()
}

// Manager installs releases. It is safe for concurrent use.
type Manager struct {
	store  Store
	jobs   Jobs
	disk   content.Stager
	source Source
	now    func() time.Time
}

// New returns a Manager. Its Handlers must be registered with the job engine.
func New(store Store, jobs Jobs, disk content.Stager, source Source) *Manager {
	return &Manager{store: store, jobs: jobs, disk: disk, source: source, now: time.Now}
}

// Handlers returns the handlers of the installation jobs.
func (m *Manager) Handlers() []job.Handler {
	return []job.Handler{{Kind: KindInstall, Steps: []string{"stage", "fetch", "commit"}, Retry: true, Run: m.run}}
}

// Install queues the making of a new release from the configured source, or returns the job that stands.
func (m *Manager) Install(ctx context.Context, actor string) (job.Job, error) {
	var queued job.Job
	err := m.store.Update(ctx, func(tx Tx) (err error) {
		queued, _, err = tx.AddJob(ctx, job.Spec{Kind: KindInstall, Subject: subject, Actor: actor, Coalesce: true})
		return err
	})
	m.jobs.Wake()
	return queued, err
}

func (m *Manager) run(ctx context.Context, run *job.Run) error {
	release := Release{ID: run.Job().ID, Current: true}
	var dir string
	stage := func(ctx context.Context) error {
		staging, err := m.disk.Stage(ctx, release.ID, content.Layer{})
		dir = staging.Path
		return err
	}
	discard := func(ctx context.Context) error { return m.disk.Discard(ctx, release.ID) }
	if err := run.Step(ctx, "stage", stage, discard); err != nil {
		return err
	}
	fetch := func(ctx context.Context) (err error) {
		release.Version, err = m.source.Fetch(ctx, dir, run)
		return err
	}
	if err := run.Step(ctx, "fetch", fetch, nil); err != nil {
		return err
	}
	commit := func(ctx context.Context) error { return m.commit(ctx, run, release) }
	return run.Step(ctx, "commit", commit, nil)
}

func (m *Manager) commit(ctx context.Context, run *job.Run, release Release) error {
	made, err := m.disk.Commit(ctx, release.ID, release.Layer())
	if err != nil {
		return err
	}
	release.Usage, release.CreatedAt = made.Usage, m.now()
	message := fmt.Sprintf("Installed version %s: %d files.", orUnknown(release.Version), made.Usage.Files)
	run.Summary(message)
	return m.store.Update(ctx, func(tx Tx) error {
		if err := tx.PutRelease(ctx, release); err != nil {
			return err
		}
		return tx.AddEvent(ctx, event.Event{Time: m.now(), Kind: "installation.installed", Subject: subject,
			Actor: run.Job().Actor, Message: message})
	})
}

func orUnknown(version string) string {
	if version == "" {
		return "unknown"
	}
	return version
}
