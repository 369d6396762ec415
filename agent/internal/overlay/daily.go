package overlay

import (
	"context"
	"time"

	"github.com/left4me/left4me/agent/internal/job"
)

// RunDaily queues a refresh every day at a time of day, given as the time since midnight in the zone of now, until ctx
// ends. What counts as done is in the record of jobs: a refresh that was queued after the last time it was due, by whomever.
// So a restart does not refresh twice, and a time that passed while the agent was down is made up for. An agent that never
// refreshed waits for the next time.
func (m *Manager) RunDaily(ctx context.Context, at time.Duration) error {
	begun := m.now()
	for {
		last, err := m.lastRefresh(ctx)
		if err != nil {
			return err
		}
		if last.IsZero() {
			last = begun
		}
		if !last.Before(due(m.now(), at)) {
			if !m.sleep(ctx, due(m.now().AddDate(0, 0, 1), at).Sub(m.now())) {
				return nil
			}
			continue
		}
		if _, err := m.Refresh(ctx, ""); err != nil {
			return err
		}
	}
}

// due is the latest time not after now at which a refresh was due.
func due(now time.Time, at time.Duration) time.Time {
	year, month, day := now.Date()
	hour, minute := int(at/time.Hour), int(at%time.Hour/time.Minute)
	today := time.Date(year, month, day, hour, minute, 0, 0, now.Location())
	if today.After(now) {
		return time.Date(year, month, day-1, hour, minute, 0, 0, now.Location())
	}
	return today
}

// NextRefresh is when RunDaily queues a refresh next.
func NextRefresh(now time.Time, at time.Duration) time.Time { return due(now.AddDate(0, 0, 1), at) }

// sleep waits, at most an hour at once: clocks are set, and hosts sleep.
func (m *Manager) sleep(ctx context.Context, pause time.Duration) bool {
	select {
	case <-time.After(min(pause, time.Hour)):
		return true
	case <-ctx.Done():
		return false
	}
}

// LastRefresh returns the newest refresh job, or a zero one.
func (m *Manager) LastRefresh(ctx context.Context) (job.Job, error) {
	found, err := m.jobs.List(ctx, job.Filter{Kind: KindRefresh, Limit: 1})
	if err != nil || len(found) == 0 {
		return job.Job{}, err
	}
	return found[0], nil
}

func (m *Manager) lastRefresh(ctx context.Context) (time.Time, error) {
	last, err := m.LastRefresh(ctx)
	return last.CreatedAt, err
}
