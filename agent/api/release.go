package api

import "time"

// Paths of what is about the game's releases.
const (
	PathRelease             = PathReleases + "/{id}"        // DELETE -> 202 Job
	PathInstallation        = Prefix + "/installation"      // GET Installation
	PathInstallationCheck   = PathInstallation + "/check"   // POST -> 202 Job: asks the source for something new
	PathInstallationUse     = PathInstallation + "/use"     // POST ReleaseChoice -> Release
	PathInstallationRollout = PathInstallation + "/rollout" // POST Rollout -> 202 Job
	PathServerRelease       = PathServer + "/release"       // POST ServerRelease -> Server
)

// Release is an immutable version of the game.
type Release struct {
	ID          string    `json:"id"`
	Version     string    `json:"version,omitempty" doc:"As the game says it."`
	Build       string    `json:"build,omitempty" doc:"As the source says it."`
	Current     bool      `json:"current" doc:"New starts use it."`
	Held        bool      `json:"held,omitempty" doc:"Newer releases do not take its place."`
	Bytes       uint64    `json:"bytes"`
	SharedBytes uint64    `json:"shared_bytes" doc:"In files that other releases have too."`
	Files       uint64    `json:"files"`
	UsedBy      []string  `json:"used_by" doc:"Names of servers mounted on it."`
	PinnedBy    []string  `json:"pinned_by,omitempty" doc:"Names of servers that stay at it."`
	CreatedAt   time.Time `json:"created_at"`
}

// Installation is where the game comes from and what is known of updates.
type Installation struct {
	Source    string     `json:"source" doc:"directory, plugin; empty: none is configured."`
	Plugin    string     `json:"plugin,omitempty"`
	Update    string     `json:"update" doc:"manual or automatic: what happens when something is new."`
	Outdated  bool       `json:"outdated" doc:"The source has another build than the newest release."`
	Newest    string     `json:"newest,omitempty" doc:"Build that the source has."`
	Notes     []string   `json:"notes,omitempty" doc:"What the source said about it."`
	Problem   string     `json:"problem,omitempty" doc:"Why the last check failed."`
	CheckedAt *time.Time `json:"checked_at,omitempty"`
	HintedAt  *time.Time `json:"hinted_at,omitempty" doc:"When a game last called itself outdated."`
	HintedBy  string     `json:"hinted_by,omitempty" doc:"Name of that server."`
}

// ReleaseInstall asks for a new release.
type ReleaseInstall struct {
	Verify  bool `json:"verify,omitempty" doc:"Have every file checked, also when nothing is new."`
	Rollout bool `json:"rollout,omitempty" doc:"Take it to the servers afterwards, as configured."`
}

// ReleaseChoice says which release new starts use.
type ReleaseChoice struct {
	Release  string `json:"release,omitempty" doc:"Id; empty: the present one, or with previous the one before it."`
	Previous bool   `json:"previous,omitempty"`
	Hold     bool   `json:"hold,omitempty" doc:"Newer releases do not take its place."`
}

// Rollout asks to restart the running servers that have another release than they should: one after another, each when
// nobody plays on it.
type Rollout struct {
	WithinSeconds int      `json:"within_seconds,omitempty" doc:"When servers with players are restarted in any case; 0: as configured, below 0: never."`
	Servers       []string `json:"servers,omitempty" doc:"Only these."`
}

// ServerRelease says which release a server stays at.
type ServerRelease struct {
	Release string `json:"release" doc:"Id; empty: the present one."`
}
