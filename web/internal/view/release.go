package view

import (
	"cmp"

	"github.com/left4me/left4me/agent/api"
)

// InstallationData is everything that the page of the installation shows.
type InstallationData struct {
	Game     api.Installation
	Releases []api.Release // newest first
	Servers  []api.Server
	Jobs     []api.Job // of the installation, not ended
}

// ReleaseName says which release it is, for a person.
func ReleaseName(r api.Release) string {
	switch {
	case r.Version == "" && r.Build == "":
		return "release " + r.ID
	case r.Build == "" || r.Build == r.Version:
		return "version " + r.Version
	case r.Version == "":
		return "build " + r.Build
	}
	return "version " + r.Version + ", build " + r.Build
}

// Current returns the release that new starts use; ok is false when nothing is installed.
func (d InstallationData) Current() (release api.Release, ok bool) {
	for _, r := range d.Releases {
		if r.Current {
			return r, true
		}
	}
	return api.Release{}, false
}

// busy reports whether a job of a kind has not ended.
func (d InstallationData) busy(kind string) bool {
	for _, j := range d.Jobs {
		if j.Kind == kind {
			return true
		}
	}
	return false
}

// releaseRow is a running server and the release it runs on.
type releaseRow struct {
	Server  api.Server
	On      string // release
	Behind  bool   // a restart would take another one
	Players int    // -1 = the game does not answer
}

// rows lists the servers that run.
func (d InstallationData) rows() (out []releaseRow) {
	for _, s := range d.Servers {
		row := releaseRow{Server: s, Players: -1}
		for _, layer := range s.Layers {
			if layer.Release == "" {
				continue
			}
			row.On = d.name(layer.Release)
			row.Behind = layer.Newer != ""
		}
		if s.Live != nil {
			row.Players = s.Live.Players
		}
		if s.PID != 0 || s.Release != "" {
			out = append(out, row)
		}
	}
	return out
}

// behind counts the running servers that have another release than they should.
func (d InstallationData) behind() (n int) {
	for _, row := range d.rows() {
		if row.Behind && row.Server.PID != 0 {
			n++
		}
	}
	return n
}

// name is the short name of a release, which no other here has.
func (d InstallationData) name(id string) string {
	for _, r := range d.Releases {
		if r.ID != id {
			continue
		}
		if r.Version != "" && r.Build != "" && d.shared(r) {
			return r.Version + " (" + r.Build + ")"
		}
		return cmp.Or(r.Version, r.Build, id)
	}
	return "removed"
}

// shared reports whether another release has the same version, as most builds do.
func (d InstallationData) shared(r api.Release) bool {
	for _, other := range d.Releases {
		if other.ID != r.ID && other.Version == r.Version {
			return true
		}
	}
	return false
}

func playersOf(row releaseRow) string {
	switch {
	case row.Server.PID == 0:
		return "not running"
	case row.Players < 0:
		return "does not answer"
	case row.Players == 0:
		return "empty"
	case row.Players == 1:
		return "1 player"
	}
	return itoa(row.Players) + " players"
}

func updateLabel(d InstallationData) string {
	switch {
	case d.busy("installation.install"):
		return "Updating…"
	case len(d.Releases) == 0:
		return "Install the game"
	}
	return "Update"
}
