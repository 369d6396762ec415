package api

import (
	"encoding/json"
	"time"
)

// Paths of what overlays bring, below Prefix.
const (
	PathOverlayItems       = PathOverlay + "/items"       // GET []Item
	PathOverlayPicture     = PathOverlay + "/picture"     // GET ?item=ID: the picture of an item, JPEG or PNG
	PathOverlayCampaigns   = PathOverlay + "/campaigns"   // GET Addons
	PathBlueprintCampaigns = PathBlueprint + "/campaigns" // GET Addons, as a start would stack them now
	PathServerCampaigns    = PathServer + "/campaigns"    // GET Addons, as mounted; offline: as its blueprint says
	PathOverlayRefresh     = Prefix + "/overlay-refresh"  // GET Refresh, POST -> 202 Job: looks for newer content of all overlays
)

// Addons is what a stack of overlays brings to the game: its VPK files, the campaigns in them, and what collides.
type Addons struct {
	Packs         []Addon         `json:"packs" doc:"VPK files in load order: overlays as stacked, then by name."`
	Campaigns     []Campaign      `json:"campaigns"`
	Conflicts     []AddonConflict `json:"conflicts" doc:"Whole add-ons first, then maps, then other files; at most 500."`
	ConflictCount int             `json:"conflict_count" doc:"All conflicts, also those not listed."`
}

// Addon is a VPK file in left4dead2/addons. Its texts are the author's.
type Addon struct {
	Overlay  string   `json:"overlay"`
	File     string   `json:"file"`
	Bytes    int64    `json:"bytes"`
	Title    string   `json:"title,omitempty"`
	Author   string   `json:"author,omitempty"`
	Version  string   `json:"version,omitempty"`
	Maps     []string `json:"maps"`
	Problems []string `json:"problems,omitempty" doc:"What the game may stumble over."`
	Fault    string   `json:"fault,omitempty" doc:"Why it cannot be read."`
	HiddenBy string   `json:"hidden_by,omitempty" doc:"An overlay above that has a file of the same name."`
}

// Campaign is a mission of an add-on.
type Campaign struct {
	Overlay string         `json:"overlay"`
	File    string         `json:"file" doc:"The VPK it is in."`
	Name    string         `json:"name"`
	Title   string         `json:"title"`
	Modes   []CampaignMode `json:"modes"`
}

// CampaignMode is a game mode of a campaign.
type CampaignMode struct {
	Name     string    `json:"name" doc:"coop, versus, survival, …"`
	Chapters []Chapter `json:"chapters"`
}

// Chapter is one map of a campaign, in order.
type Chapter struct {
	Number int    `json:"number"`
	Map    string `json:"map" doc:"For changelevel, in its exact case."`
	Title  string `json:"title,omitempty"`
}

// AddonConflict is something that several add-ons have with different content. The game takes the winner's.
type AddonConflict struct {
	Kind   string        `json:"kind" doc:"addon, map, file"`
	Path   string        `json:"path"`
	Winner AddonHolder   `json:"winner"`
	Losers []AddonHolder `json:"losers"`
}

// AddonHolder names an add-on of a conflict.
type AddonHolder struct {
	Overlay string `json:"overlay"`
	File    string `json:"file"`
}

// Item is one part of an overlay's content that its builder names, such as a Workshop item.
type Item struct {
	ID      string     `json:"id"`
	Title   string     `json:"title,omitempty"`
	Version string     `json:"version,omitempty" doc:"Of the content; the form is the builder's own."`
	Bytes   int64      `json:"bytes"`
	File    string     `json:"file,omitempty" doc:"Path in the overlay."`
	Author  string     `json:"author,omitempty" doc:"Name, or an id as long as the name is not known."`
	Picture string     `json:"picture,omitempty" doc:"Changes whenever the picture does; absent if there is none."`
	Page    string     `json:"page,omitempty" doc:"Address where people can read about it."`
	Updated *time.Time `json:"updated,omitempty" doc:"At its source."`
	Tags    []string   `json:"tags,omitempty"`
	Problem string     `json:"problem,omitempty" doc:"Why the last build could not have it, or not its newest version."`
	Absent  bool       `json:"absent,omitempty" doc:"The present revision does not have it."`
}

// ItemChange is what became of an item in a build.
type ItemChange struct {
	Kind   string `json:"kind" doc:"added, updated, removed, failed"`
	ID     string `json:"id"`
	Title  string `json:"title,omitempty"`
	From   string `json:"from,omitempty" doc:"Version before."`
	To     string `json:"to,omitempty" doc:"Version now."`
	Reason string `json:"reason,omitempty"`
}

// BuildResult is the result of a job of the kind overlay.build.
type BuildResult struct {
	Revision string       `json:"revision,omitempty" doc:"That it made; absent when nothing changed."`
	Changes  []ItemChange `json:"changes,omitempty"`
}

// RefreshResult is the result of a job of the kind overlay.refresh.
type RefreshResult struct {
	Overlays []RefreshedOverlay `json:"overlays"`
}

// RefreshedOverlay says what a refresh did to one overlay.
type RefreshedOverlay struct {
	Overlay  string       `json:"overlay"`
	Status   string       `json:"status" doc:"updated, unchanged, failed"`
	Job      string       `json:"job,omitempty" doc:"Its build."`
	Revision string       `json:"revision,omitempty"`
	Error    string       `json:"error,omitempty"`
	Changes  []ItemChange `json:"changes,omitempty"`
}

// Refresh says when all overlays are looked at for newer content.
type Refresh struct {
	Next *time.Time `json:"next,omitempty" doc:"Absent when none is scheduled."`
	Last *Job       `json:"last,omitempty"`
}

// Kinds of job whose result has a type here.
const (
	JobBuild   = "overlay.build"
	JobRefresh = "overlay.refresh"
)

// Result decodes the result of a job, if it has one of this form.
func Result[T BuildResult | RefreshResult](job Job) (result T, ok bool) {
	if len(job.Result) == 0 {
		return result, false
	}
	return result, json.Unmarshal(job.Result, &result) == nil
}
