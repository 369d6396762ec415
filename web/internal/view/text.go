package view

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/left4me/left4me/agent/api"
)

func itoa(n int) string    { return strconv.Itoa(n) }
func utoa(n uint64) string { return strconv.FormatUint(n, 10) }

func orDash(text string) string {
	if text == "" {
		return "—"
	}
	return text
}

func orAll(status string) string {
	if status == "" {
		return "all"
	}
	return status
}

func orGame(choice string) string {
	if choice == "" {
		return "the game's own"
	}
	return choice
}

func orAgent(user string) string {
	if user == "" {
		return "as the agent"
	}
	return user
}

func navURL(p Page, path string) string {
	if path == "" {
		return p.URL()
	}
	return p.URL(path)
}

func cancelLabel(j api.Job) string {
	if j.Canceling {
		return "Canceling …"
	}
	return "Cancel"
}

func lastCursor(lines []api.ConsoleLine) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1].Cursor
}

func lastSeq(lines []api.JobLine) string {
	if len(lines) == 0 {
		return "0"
	}
	return strconv.FormatInt(lines[len(lines)-1].Seq, 10)
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func statusClass(status string) string {
	if status == "running" {
		return "is-active"
	}
	return "is-" + status
}

func reasonClass(state string) string {
	if state == "crashed" || state == "hung" {
		return "problem"
	}
	return "notice"
}

// measured is a size that may not be known yet.
func measured(n uint64) string {
	if n == 0 {
		return "–"
	}
	return Bytes(n)
}

// runsWith says what the servers that use a revision wait for.
func runsWith(r api.Revision) string {
	if r.Current {
		return "in use by"
	}
	return "still in use, until a restart, by"
}

// changed says what a revision changed.
func changed(r api.Revision) string {
	var parts []string
	for _, part := range []struct {
		n    uint64
		what string
	}{{r.Added, " added"}, {r.Changed, " changed"}, {r.Removed, " removed"}} {
		if part.n > 0 {
			parts = append(parts, utoa(part.n)+part.what)
		}
	}
	if len(parts) == 0 {
		return "nothing changed"
	}
	return strings.Join(parts, ", ")
}

// TypeTitle is an overlay type as people call it: "script" for "overlay-script".
func TypeTitle(name string) string { return strings.TrimPrefix(name, "overlay-") }

// markField makes a problem about one of the settings one about its input.
func markField(problem *Problem, f Field) *Problem {
	if problem == nil || problem.Field != f.Pointer() && !strings.HasPrefix(problem.Field, f.Pointer()+"/") {
		return nil
	}
	return &Problem{Field: f.ID()}
}

// pluginLog is the command that shows a plugin's log: of a unit its own, else in the agent's.
func pluginLog(x api.Plugin) string {
	if x.Launch == "socket" {
		return "journalctl -u 'left4me-plugin-" + x.Name + "@*'"
	}
	return "journalctl -u left4me-agent | grep plugin=" + x.Name
}
