package job

import "strings"

// titles of kinds whose word alone would not say enough.
var titles = map[string]string{
	"content.sweep":        "Sweep of content",
	"content.remove":       "Removal of content",
	"installation.check":   "Check for releases",
	"installation.install": "Installation of a release",
	"installation.remove":  "Removal of %",
	"installation.rollout": "Rollout of a release",
	"overlay.refresh":      "Refresh of overlays",
	"overlay.delete":       "Deletion of %",
	"server.delete":        "Deletion of %",
	"server.release":       "Release of the tree of %",
}

// Title says in words what a job does: "Build of overlay maps" for overlay.build and overlay/maps. A kind that nobody here
// knows is taken apart the same way. Safe for concurrent use.
func Title(kind, label string) string {
	of := strings.Replace(label, "/", " ", 1)
	if title, ok := titles[kind]; ok {
		return strings.Replace(title, "%", of, 1)
	}
	_, verb, _ := strings.Cut(kind, ".")
	if verb == "" {
		verb = kind
	}
	if verb == "" {
		return of
	}
	return strings.ToUpper(verb[:1]) + verb[1:] + " of " + of
}
