package installation

import (
	"context"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

// Check queues a question to the source about what it has, or returns the job that stands.
func (m *Manager) Check(ctx context.Context, actor string) (job.Job, error) {
	return m.queue(ctx, job.Spec{Kind: KindCheck, Actor: actor, Coalesce: true})
}

func (m *Manager) runCheck(ctx context.Context, run *job.Run) error {
	present, err := m.Store.CurrentRelease(ctx)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if present, err = m.newest(ctx, present); err != nil {
		return err
	}
	var newest Newest
	ask := func(ctx context.Context) (err error) {
		newest, err = m.Source.Newest(ctx, present)
		return err
	}
	if err := run.Step(ctx, "ask", ask, nil); err != nil {
		return m.noteFailure(ctx, err)
	}
	for _, note := range newest.Notes {
		run.Logf("info", "%s", note)
	}
	return m.note(ctx, run, present, newest)
}

// note stores what a check found and reacts to it.
func (m *Manager) note(ctx context.Context, run *job.Run, present Release, newest Newest) error {
	run.Summary("Nothing is new.")
	err := m.Store.Update(ctx, func(tx Tx) error {
		known, err := tx.Knowledge(ctx)
		if err != nil {
			return err
		}
		news := known.Newest != newest.Build
		known.CheckedAt, known.Newest, known.Notes, known.Problem = m.Now(), newest.Build, newest.Notes, ""
		if err := tx.PutKnowledge(ctx, known); err != nil || !known.Outdated(present) {
			return err
		}
		message := "An update of the game is there: build " + newest.Build + "."
		run.Summary(message)
		if m.Automatic {
			spec := job.Spec{Kind: KindInstall, Subject: subject, Coalesce: true, Params: Order{Rollout: true}}
			if _, _, err := tx.AddJob(ctx, spec); err != nil {
				return err
			}
		}
		if !news {
			return nil
		}
		return tx.AddEvent(ctx, m.event("installation.outdated", "", message))
	})
	m.Jobs.Wake()
	return err
}

// noteFailure remembers why nothing is known, and returns the cause.
func (m *Manager) noteFailure(ctx context.Context, cause error) error {
	if ctx.Err() != nil {
		return cause
	}
	problem := "The source could not be asked for a reason inside left4me."
	if e, ok := fault.Of(cause); ok {
		problem = e.Message
	}
	err := m.Store.Update(ctx, func(tx Tx) error {
		known, err := tx.Knowledge(ctx)
		if err != nil {
			return err
		}
		known.CheckedAt, known.Problem = m.Now(), problem
		return tx.PutKnowledge(ctx, known)
	})
	if err != nil {
		m.Log.Error("store what a check found", "error", err)
	}
	return cause
}

// hint is that the game of a server called itself outdated.
type hint struct {
	server string // name
	at     time.Time
}

// Hint tells that the game of a server called itself outdated at a time. The first hint leads to a check; those that
// come soon after it do nothing. It does not block.
func (m *Manager) Hint(server string, at time.Time) {
	select {
	case m.hints <- hint{server: server, at: at}:
	default: // one that waits is enough
	}
}

func (m *Manager) react(ctx context.Context, h hint) error {
	now := m.Now()
	if now.Sub(h.at) >= m.HintEvery { // read again after a crash, or from before a restart
		return nil
	}
	err := m.Store.Update(ctx, func(tx Tx) error {
		known, err := tx.Knowledge(ctx)
		if err != nil || now.Sub(known.HintedAt) < m.HintEvery {
			return err
		}
		known.HintedAt, known.HintedBy = now, h.server
		if err := tx.PutKnowledge(ctx, known); err != nil {
			return err
		}
		if _, _, err := tx.AddJob(ctx, job.Spec{Kind: KindCheck, Subject: subject, Coalesce: true}); err != nil {
			return err
		}
		return tx.AddEvent(ctx, m.event("installation.hinted", "", "The game of server \""+h.server+"\" says that it is outdated."))
	})
	m.Jobs.Wake()
	return err
}

// lookEvery is how often Watch looks whether a check is due.
const lookEvery = time.Minute

// Watch reacts to hints, and asks the source again and again, until ctx ends. Call it once.
func (m *Manager) Watch(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case h := <-m.hints:
			err = m.react(ctx, h)
		case <-tick.C:
			err = m.checkIfDue(ctx)
		}
		if err != nil && ctx.Err() == nil {
			m.Log.Error("look for an update of the game", "error", err)
		}
	}
}

func (m *Manager) checkIfDue(ctx context.Context) error {
	if m.CheckEvery == 0 {
		return nil
	}
	known, err := m.Store.Knowledge(ctx)
	if err != nil || m.Now().Sub(known.CheckedAt) < m.CheckEvery {
		return err
	}
	if _, err := m.Store.CurrentRelease(ctx); fault.Is(err, fault.NotFound) {
		return nil // nothing to compare with: a person installs first
	}
	_, err = m.Check(ctx, "")
	return err
}
