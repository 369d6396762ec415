package overlay

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/left4me/left4me/agent/internal/job"
)

// BuildResult is the result of a build job.
type BuildResult struct {
	Revision string       `json:"revision,omitempty"` // that it made; "" = nothing changed
	Changes  []ItemChange `json:"changes,omitempty"`
}

// report ends the build's job with a sentence, the changes, and the revision it made.
func (b *build) report(message, revision string) error {
	if counts := Count(b.outcome.Changes); counts != "" {
		message += " Items: " + counts + "."
	}
	b.run.Summary(message)
	return b.run.Result(BuildResult{Revision: revision, Changes: b.outcome.Changes})
}

func levelOf(change ItemChange) string {
	if change.Kind == "failed" {
		return "warn"
	}
	return "info"
}

// String names a change for a person: "updated 123 (Title): 1 -> 2".
func (c ItemChange) String() string {
	text := c.Kind + " " + c.ID
	if c.Title != "" {
		text += " (" + c.Title + ")"
	}
	switch {
	case c.From != "" && c.To != "" && c.From != c.To:
		text += ": version " + c.From + " -> " + c.To
	case c.To != "":
		text += ": version " + c.To
	case c.From != "":
		text += ": version " + c.From
	}
	if c.Reason != "" {
		text += ": " + c.Reason
	}
	return text
}

// Count adds changes up by kind: "2 added, 10 updated"; "" for none.
func Count(changes []ItemChange) string {
	counts := map[string]int{}
	for _, change := range changes {
		counts[change.Kind]++
	}
	var out []string
	for _, kind := range []string{"added", "updated", "removed", "failed"} {
		if counts[kind] > 0 {
			out = append(out, fmt.Sprintf("%d %s", counts[kind], kind))
		}
	}
	return strings.Join(out, ", ")
}

// resultOf reads what a build job left.
func resultOf(done job.Job) (BuildResult, error) {
	var out BuildResult
	if len(done.Result) == 0 {
		return out, nil
	}
	err := json.Unmarshal(done.Result, &out)
	return out, err
}
