package cli

import (
	"bytes"
	"testing"

	"github.com/left4me/left4me/agent/api"
)

func TestBar(t *testing.T) {
	job := api.Job{Kind: "overlay.build", Subject: "overlay/maps", Steps: []api.Step{{Name: "stage", Status: "succeeded"}, {Name: "build", Status: "running"}}}
	for _, c := range []struct {
		progress *api.Progress
		want     string
	}{
		{nil, "overlay.build overlay/maps: build"},
		{&api.Progress{Unit: "bytes", Done: 512 << 10, Total: 1 << 20}, "overlay.build overlay/maps: build [############------------]  50% 512.0 KiB of 1.0 MiB"},
		{&api.Progress{Unit: "files", Done: 3}, "overlay.build overlay/maps: build 3 files"},
		{&api.Progress{Unit: "files", Done: 9, Total: 3}, "overlay.build overlay/maps: build [########################] 100% 9 of 3 files"},
	} {
		job.Progress = c.progress
		if got := bar(job, stepOf(job)); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}

// TestStatus: a terminal has one line that changes, anything else a line for each step, JSON nothing.
func TestStatus(t *testing.T) {
	jobs := []api.Job{
		{Kind: "k", Subject: "s", Status: "queued"},
		{Kind: "k", Subject: "s", Status: "running", Steps: []api.Step{{Name: "a", Status: "running"}}},
		{Kind: "k", Subject: "s", Status: "running", Steps: []api.Step{{Name: "a", Status: "running"}}, Progress: &api.Progress{Done: 1}},
		{Kind: "k", Subject: "s", Status: "running", Steps: []api.Step{{Name: "b\x1b", Status: "running"}}},
	}
	for name, c := range map[string]struct {
		status status
		want   string
	}{
		"plain":    {status{}, "k s: waiting for its turn\nk s: a\nk s: b·\nnote\n"},
		"terminal": {status{terminal: true}, "\r\x1b[Kk s: waiting for its turn\r\x1b[Kk s: a\r\x1b[Kk s: a 1\r\x1b[Kk s: b·\r\x1b[Knote\n"},
		"json":     {status{quiet: true}, ""},
	} {
		var out bytes.Buffer
		c.status.w = &out
		for _, job := range jobs {
			c.status.show(job)
		}
		c.status.note("note")
		c.status.clear()
		if out.String() != c.want {
			t.Errorf("%s: got %q, want %q", name, out.String(), c.want)
		}
	}
}

func TestSizes(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1<<20 - 1: "1.0 MiB", 8 << 30: "8.0 GiB", 1<<64 - 1: "16.0 EiB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// FuzzPrintable: nothing that steers a terminal comes through.
func FuzzPrintable(f *testing.F) {
	f.Add("a\x1b[31m\u202e\u0085\x00")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range printable(s) {
			if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x202e || r == 0x2066 {
				t.Errorf("%q comes through of %q", r, s)
			}
		}
	})
}
