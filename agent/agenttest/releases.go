package agenttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/id"
)

func (v releaseView) List(context.Context) ([]api.Release, error) {
	defer v.lock()()
	out := slices.Clone(v.releases)
	for i := range out {
		for _, s := range sorted(v.servers, func(s *gameServer) *gameServer { return s }) {
			if slices.ContainsFunc(s.Layers, func(l api.Layer) bool { return l.Release == out[i].ID }) {
				out[i].UsedBy = append(out[i].UsedBy, s.Name)
			}
			if s.Release == out[i].ID {
				out[i].PinnedBy = append(out[i].PinnedBy, s.Name)
			}
		}
	}
	return out, nil
}

func (v releaseView) Install(_ context.Context, actor string, in api.ReleaseInstall) (api.Job, error) {
	defer v.lock()()
	j := v.queue("installation.install", "installation", actor, false)
	j.rollout = in.Rollout
	return j.show(), nil
}

func (v releaseView) Remove(_ context.Context, actor, wanted string) (api.Job, error) {
	defer v.lock()()
	at := slices.IndexFunc(v.releases, func(r api.Release) bool { return r.ID == wanted })
	if at < 0 {
		return api.Job{}, notFound("release", wanted)
	}
	if v.releases[at].Current {
		return api.Job{}, fault.New(fault.Precondition, "New starts use this release.").WithHint("Choose another one first, with: left4me release rollback")
	}
	return v.queue("installation.remove", "release/"+wanted, actor, false).show(), nil
}

func (v releaseView) Installation(context.Context) (api.Installation, error) {
	defer v.lock()()
	out := v.game
	out.Outdated = out.Newest != "" && len(v.releases) > 0 && v.releases[0].Build != out.Newest
	return out, nil
}

func (v releaseView) Check(_ context.Context, actor string) (api.Job, error) {
	defer v.lock()()
	return v.queue("installation.check", "installation", actor, false).show(), nil
}

func (v releaseView) Choose(_ context.Context, actor string, in api.ReleaseChoice) (api.Release, error) {
	defer v.lock()()
	at := slices.IndexFunc(v.releases, func(r api.Release) bool { return r.Current && in.Release == "" || r.ID == in.Release })
	if at >= 0 && in.Release == "" && in.Previous {
		at++
	}
	if at < 0 || at >= len(v.releases) {
		return api.Release{}, fault.New(fault.Precondition, "There is no release before the present one.").WithHint("List what is there with: left4me release list")
	}
	for i := range v.releases {
		v.releases[i].Current, v.releases[i].Held = i == at, i == at && in.Hold
	}
	v.record("installation.chosen", "installation", actor, "New starts use version %s.", v.releases[at].Version)
	return v.releases[at], nil
}

func (v releaseView) RollOut(_ context.Context, actor string, _ api.Rollout) (api.Job, error) {
	defer v.lock()()
	return v.queue("installation.rollout", "installation", actor, true).show(), nil
}

func (v serverView) Pin(_ context.Context, actor, name string, in api.ServerRelease) (api.Server, error) {
	defer v.lock()()
	s, ok := v.servers[name]
	if !ok {
		return api.Server{}, notFound("server", name)
	}
	if in.Release != "" && !slices.ContainsFunc(v.releases, func(r api.Release) bool { return r.ID == in.Release }) {
		return api.Server{}, notFound("release", in.Release)
	}
	s.Release = in.Release
	v.record("server.pinned", "server/"+name, actor, "It stays at release %q.", in.Release)
	return showServer(s), nil
}

// SetReleases replaces the installed versions of the game, the newest first; none is fine.
func (a *Agent) SetReleases(releases ...api.Release) {
	defer a.w.lock()()
	a.w.releases = releases
	a.w.change()
}

// SetInstallation replaces where the game comes from and what is known of updates.
func (a *Agent) SetInstallation(game api.Installation) {
	defer a.w.lock()()
	a.w.game = game
	a.w.change()
}

func installRelease(_ context.Context, run *Run) error {
	run.Step("stage")
	run.Step("fetch")
	run.Log("info", "fetching the game")
	run.Step("commit")
	defer run.w.lock()()
	held := slices.ContainsFunc(run.w.releases, func(r api.Release) bool { return r.Held })
	for i := range run.w.releases {
		run.w.releases[i].Current = run.w.releases[i].Held
	}
	n := len(run.w.releases)
	fresh := api.Release{ID: id.New(), Version: fmt.Sprintf("2.2.4.%d", 3+n), Build: fmt.Sprint(17033453 + n), Current: !held,
		Bytes: 8 << 30, SharedBytes: 7 << 30, Files: 12_345, CreatedAt: time.Now().UTC()}
	run.w.releases = append([]api.Release{fresh}, run.w.releases...)
	run.w.game.Newest = fresh.Build
	run.job.Summary = "Version " + fresh.Version + " is installed."
	if run.job.rollout {
		run.w.queue("installation.rollout", "installation", run.job.Actor, true)
	}
	return nil
}

func checkInstallation(_ context.Context, run *Run) error {
	run.Step("ask")
	defer run.w.lock()()
	now := time.Now().UTC()
	run.w.game.CheckedAt = &now
	run.job.Summary = "Nothing is new."
	return nil
}

func removeRelease(_ context.Context, run *Run) error {
	run.Step("check")
	run.Step("remove")
	defer run.w.lock()()
	wanted := strings.TrimPrefix(run.job.Subject, "release/")
	run.w.releases = slices.DeleteFunc(run.w.releases, func(r api.Release) bool { return r.ID == wanted })
	run.w.change()
	return nil
}

// rollOut gives every running server that nobody plays on the release that it should have.
func rollOut(_ context.Context, run *Run) error {
	run.w.mu.Lock()
	names := sorted(run.w.servers, func(s *gameServer) string { return s.Name })
	run.w.mu.Unlock()
	for _, name := range names {
		run.Step("server/" + name)
		if err := run.w.renew(name); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) renew(name string) error {
	defer w.lock()()
	s := w.servers[name]
	if s == nil || s.State != "running" {
		return nil
	}
	if s.Live != nil && s.Live.Players > 0 {
		return errors.New("players are on " + name)
	}
	s.Layers = w.layers(s)
	w.change()
	return nil
}
