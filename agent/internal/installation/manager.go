package installation

import (
	"context"
	"log/slog"
	"time"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

// Kinds of job.
const (
	KindInstall = "installation.install" // makes a release
	KindCheck   = "installation.check"   // asks the source what it has
	KindRemove  = "installation.remove"  // deletes a release
)

// subject is the lock of all installation jobs.
const subject = "installation"

// Jobs is what is needed of the job engine besides queuing in a transaction.
type Jobs interface {
	Wake()
}

// Disk is what releases need of the mounter.
type Disk interface {
	content.Stager
	content.Remover
}

// Options of a Manager. Store, Jobs, Disk and Source are required.
type Options struct {
	Store  Store
	Jobs   Jobs
	Disk   Disk
	Source Source
	// Rollout is the job that takes the present release to the servers; nil = there is none.
	Rollout func(actor string) job.Spec
	// Automatic installs and rolls out what a check finds.
	Automatic bool
	// CheckEvery is how often the source is asked by itself; 0 = never.
	CheckEvery time.Duration
	// HintEvery is how often at most the source is asked because a game calls itself outdated; 0 = 15 min. After
	// an update of Steam every game on the host says so, again and again.
	HintEvery time.Duration
	// Keep is how many releases are kept besides the present one; 0 = 2. Those in use are kept in any case.
	Keep int
	Log  *slog.Logger
	Now  func() time.Time
}

// Manager installs, chooses and removes releases. It is safe for concurrent use.
type Manager struct {
	Options
	hints chan hint
}

// New returns a Manager. Its Handlers must be registered with the job engine, and Watch must run while the agent does.
func New(options Options) *Manager {
	if options.HintEvery == 0 {
		options.HintEvery = 15 * time.Minute
	}
	if options.Keep == 0 {
		options.Keep = 2
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Manager{Options: options, hints: make(chan hint, 1)}
}

// Handlers returns the handlers of the installation jobs.
func (m *Manager) Handlers() []job.Handler {
	return []job.Handler{
		{Kind: KindInstall, Steps: []string{"stage", "fetch", "commit"}, Retry: true, Run: m.runInstall},
		{Kind: KindCheck, Steps: []string{"ask"}, Retry: true, Run: m.runCheck},
		{Kind: KindRemove, Steps: []string{"check", "remove"}, Retry: true, Run: m.runRemove},
	}
}

// Choice says which release new starts use.
type Choice struct {
	Release  string // id; "" = the present one, or with Previous the one before it
	Previous bool
	Hold     bool // newer releases do not take its place
}

// Choose makes a release the one that new starts use. Running servers keep theirs until they restart.
// NotFound: there is no such release. Precondition: there is none before the present one.
func (m *Manager) Choose(ctx context.Context, actor string, choice Choice) (Release, error) {
	var chosen Release
	err := m.Store.Update(ctx, func(tx Tx) error {
		all, err := tx.Releases(ctx)
		if err != nil {
			return err
		}
		if chosen, err = pick(all, choice); err != nil {
			return err
		}
		kind, message := "installation.chosen", "New starts use "+chosen.Name()+"."
		if chosen.Current && chosen.Held && !choice.Hold {
			message = "Newer releases may take the place of " + chosen.Name() + " again."
		}
		if choice.Hold {
			kind, message = "installation.held", message+" It is held: newer releases do not take its place."
		}
		chosen.Current, chosen.Held = true, choice.Hold
		if err := tx.PutRelease(ctx, chosen); err != nil {
			return err
		}
		return tx.AddEvent(ctx, m.event(kind, actor, message))
	})
	return chosen, err
}

// pick finds the release of a choice. all is sorted, the newest first.
func pick(all []Release, choice Choice) (Release, error) {
	present := -1
	for i, release := range all {
		if release.Current {
			present = i
		}
		if release.ID == choice.Release {
			return release, nil
		}
	}
	switch {
	case choice.Release != "":
		return Release{}, noRelease(choice.Release)
	case present < 0:
		return Release{}, fault.New(fault.Precondition, "The game is not installed yet.").WithHint("Install it with: left4me release update")
	case !choice.Previous:
		return all[present], nil
	case present+1 == len(all):
		return Release{}, fault.New(fault.Precondition, "There is no release before the present one.").
			WithHint("List what is there with: left4me release list")
	}
	return all[present+1], nil
}

func noRelease(id string) error {
	return fault.New(fault.NotFound, "There is no release %q.", id).WithHint("List what is there with: left4me release list")
}

func (m *Manager) event(kind, actor, message string) event.Event {
	return event.Event{Time: m.Now(), Kind: kind, Subject: subject, Actor: actor, Message: message}
}

func (m *Manager) queue(ctx context.Context, spec job.Spec) (job.Job, error) {
	spec.Subject = subject
	var queued job.Job
	err := m.Store.Update(ctx, func(tx Tx) (err error) {
		queued, _, err = tx.AddJob(ctx, spec)
		return err
	})
	m.Jobs.Wake()
	return queued, err
}
