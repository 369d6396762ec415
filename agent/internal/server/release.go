package server

import (
	"context"
	"slices"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/installation"
	"github.com/left4me/left4me/agent/internal/job"
)

// wantedRelease is the release that a start of s uses: the one it stays at, or the present one.
func wantedRelease(ctx context.Context, reader installation.Reader, s Server) (content.Layer, error) {
	if s.Release != "" {
		return content.Layer{Release: s.Release}, nil
	}
	present, err := reader.CurrentRelease(ctx)
	return present.Layer(), err
}

// PinRelease lets a server stay at a release; "" lets it use the present one again. It takes effect at the next start.
// NotFound: there is no such release.
func (m *Manager) PinRelease(ctx context.Context, actor, name, release string) error {
	return m.Store.Update(ctx, func(tx Tx) error {
		s, err := tx.ServerByName(ctx, name)
		if err != nil || s.Release == release {
			return err
		}
		message := "It uses the present release of the game again."
		if release != "" {
			all, err := tx.Releases(ctx)
			if err != nil {
				return err
			}
			at := slices.IndexFunc(all, func(r installation.Release) bool { return r.ID == release })
			if at < 0 {
				return fault.New(fault.NotFound, "There is no release %q.", release).WithField("release").
					WithHint("List what is there with: left4me release list")
			}
			message = "It stays at " + all[at].Name() + "."
		}
		s.Release, s.UpdatedAt = release, m.Now()
		if err := tx.PutServer(ctx, s); err != nil {
			return err
		}
		return tx.AddEvent(ctx, m.event("server.pinned", s, actor, message))
	})
}

// BehindRelease reports whether a restart would take up another release of the game.
func (v View) BehindRelease() bool {
	return slices.ContainsFunc(v.Layers, func(l LayerView) bool { return l.Release != "" && l.Newer != "" })
}

// Census asks the game of a server how many people play right now. Unavailable: it does not answer.
func (m *Manager) Census(ctx context.Context, s Server) (int, error) {
	live, err := m.Game.Info(ctx, s.Port)
	if err != nil {
		return 0, fault.Wrap(err, fault.Unavailable, "The game of server %q does not answer.", s.Name).WithSource("game")
	}
	m.tracker.answered(s.ID, live)
	return live.Players, nil
}

// Renew queues a restart of a server that is meant to run, so that it takes up what is new. One that somebody has
// stopped in the meantime is left alone (ok is false).
func (m *Manager) Renew(ctx context.Context, actor, serverID string) (queued job.Job, ok bool, err error) {
	s, err := m.Store.ServerByID(ctx, serverID)
	if fault.Is(err, fault.NotFound) || err == nil && s.Intent != IntentRunning {
		return job.Job{}, false, nil
	}
	if err != nil {
		return job.Job{}, false, err
	}
	queued, err = m.queueIf(ctx, s.Name, job.Spec{Kind: KindRestart, Actor: actor, Coalesce: true}, "", IntentRunning)
	return queued, queued.ID != "", err
}
