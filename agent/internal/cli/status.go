package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"

	"github.com/left4me/left4me/agent/api"
)

// status shows how a job goes: one line that changes on a terminal, else a line for each new step, and
// nothing with JSON.
type status struct {
	w        io.Writer
	terminal bool
	quiet    bool
	step     string
	drawn    bool
}

func (a *app) newStatus() *status {
	file, ok := a.Stderr.(*os.File)
	return &status{w: a.Stderr, terminal: ok && isatty.IsTerminal(file.Fd()) && a.Getenv("TERM") != "dumb", quiet: a.format == "json"}
}

// show shows the present step and progress of job.
func (s *status) show(job api.Job) {
	step := stepOf(job)
	switch {
	case s.quiet:
	case s.terminal:
		fmt.Fprintf(s.w, "\r\x1b[K%s", bar(job, step))
		s.drawn = true
	case step != "" && step != s.step:
		fmt.Fprintf(s.w, "%s %s: %s\n", job.Kind, job.Subject, printable(step))
	}
	s.step = step
}

// note says something in between.
func (s *status) note(text string) {
	if s.quiet {
		return
	}
	s.clear()
	fmt.Fprintln(s.w, text)
}

// clear takes the line away, so that something else can be printed.
func (s *status) clear() {
	if s.drawn {
		fmt.Fprint(s.w, "\r\x1b[K")
		s.drawn = false
	}
}

// stepOf names the step that runs, or why none does.
func stepOf(job api.Job) string {
	for _, step := range job.Steps {
		if step.Status == "running" {
			return step.Name
		}
	}
	if job.Status == "queued" {
		return "waiting for its turn"
	}
	return ""
}

const barWidth = 24

// bar draws a job in one line of about 80 columns.
func bar(job api.Job, step string) string {
	out := fmt.Sprintf("%s %s", job.Kind, job.Subject)
	if step != "" {
		out += ": " + printable(step)
	}
	p := job.Progress
	if p == nil {
		return out
	}
	if p.Total > 0 {
		done := min(p.Done, p.Total)
		filled := int(float64(done) / float64(p.Total) * barWidth)
		out += fmt.Sprintf(" [%s%s] %3d%%", strings.Repeat("#", filled), strings.Repeat("-", barWidth-filled), done*100/p.Total)
	}
	return out + " " + amount(*p)
}

// amount says how much is done in the unit's own words.
func amount(p api.Progress) string {
	show := func(n uint64) string {
		if p.Unit == "bytes" {
			return size(n)
		}
		return fmt.Sprint(n)
	}
	out := show(p.Done)
	if p.Total > 0 {
		out += " of " + show(p.Total)
	}
	if p.Unit != "bytes" && p.Unit != "" {
		out += " " + p.Unit
	}
	return out
}
