package job_test

import (
	"testing"

	"github.com/left4me/left4me/agent/internal/job"
)

func TestTitle(t *testing.T) {
	for _, c := range [][3]string{
		{"overlay.build", "overlay/maps", "Build of overlay maps"},
		{"server.start", "server/campaign-night", "Start of server campaign-night"},
		{"server.delete", "server/old", "Deletion of server old"},
		{"schedule.run", "schedule/nightly", "Run of schedule nightly"},
		{"overlay.refresh", "overlays", "Refresh of overlays"},
		{"installation.remove", "release/12", "Removal of release 12"},
		{"installation.install", "installation", "Installation of a release"},
		{"moon.paint", "moon/luna/north", "Paint of moon luna/north"}, // of a version to come
		{"paint", "moon", "Paint of moon"},
		{"", "moon", "moon"},
	} {
		if got := job.Title(c[0], c[1]); got != c[2] {
			t.Errorf("%s of %s: %q, want %q", c[0], c[1], got, c[2])
		}
	}
}
