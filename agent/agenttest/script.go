package agenttest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
)

// Script is what a job does. It returns soon when ctx ends. An error made with [Failure] is shown as it
// is, any other as internal.
type Script func(ctx context.Context, run *Run) error

// Script replaces what jobs of a kind do, from the next one on; nil takes it back. [Default] does what they
// did before.
func (a *Agent) Script(kind string, script Script) {
	defer a.w.lock()()
	a.w.scripts[kind] = script
}

// Default is the script of a kind without one: it changes the agent's state as the real job would.
func Default(kind string) Script { return defaultScript(kind) }

// Failure returns the error of a job that a person reads, for example with client.CodePrecondition.
func Failure(code, message, hint string) error {
	return fault.New(fault.Code(code), "%s", message).WithHint("%s", hint)
}

// Run is a running job.
type Run struct {
	w   *world
	job *job
}

// Subject returns what the job is about: "server/alpha".
func (r *Run) Subject() string { return r.job.Subject }

// Step ends the running step and begins the next one, adding it if the kind does not have it.
func (r *Run) Step(name string) {
	defer r.w.lock()()
	now := time.Now().UTC()
	found := false
	for i := range r.job.Steps {
		step := &r.job.Steps[i]
		if step.Status == "running" {
			step.Status, step.FinishedAt = "succeeded", &now
		}
		if step.Name == name {
			step.Status, step.StartedAt, found = "running", &now, true
		}
	}
	if !found {
		r.job.Steps = append(r.job.Steps, api.Step{Name: name, Status: "running", StartedAt: &now})
	}
	r.w.change()
}

// Log adds a line to the job's log.
func (r *Run) Log(level, text string) {
	defer r.w.lock()()
	r.job.lines = append(r.job.lines, api.JobLine{Seq: int64(len(r.job.lines) + 1), Time: time.Now().UTC(), Level: level, Text: text})
	r.w.change()
}

// Progress reports how far the job is.
func (r *Run) Progress(progress api.Progress) {
	defer r.w.lock()()
	r.job.Progress = &progress
	r.w.change()
}

// Summary says what came out.
func (r *Run) Summary(format string, args ...any) {
	defer r.w.lock()()
	r.job.Summary = fmt.Sprintf(format, args...)
}

func (r *Run) begin() {
	defer r.w.lock()()
	now := time.Now().UTC()
	r.job.Status, r.job.StartedAt = "running", &now
	r.w.change()
}

func (r *Run) finish(err error) {
	defer r.w.lock()()
	now := time.Now().UTC()
	j := r.job
	j.Status, j.FinishedAt, j.Progress, j.Canceling = "succeeded", &now, nil, false
	stepEnd, stepRest := "succeeded", "succeeded"
	if err != nil {
		j.Status, stepEnd, stepRest = "failed", "failed", "skipped"
		known, ok := fault.Of(err)
		if !ok {
			known = fault.New(fault.Internal, "The agent failed in a way it did not foresee.")
		}
		if known.Code == fault.Canceled {
			j.Status = "canceled"
		}
		j.Error = &api.Error{Code: string(known.Code), Message: known.Message, Hint: known.Hint, Source: cmp.Or(known.Source, "agent")}
	}
	for i := range j.Steps {
		switch j.Steps[i].Status {
		case "running":
			j.Steps[i].Status, j.Steps[i].FinishedAt = stepEnd, &now
		case "pending":
			j.Steps[i].Status = stepRest
		}
	}
	r.w.record("job."+j.Status, j.Subject, j.Actor, "%s %s.", j.Title, j.Status)
}

func stepsOf(kind string) []string {
	start := []string{"overlay.ensure", "mount", "config.write", "unit.start", "wait.ready"}
	stop := []string{"unit.stop", "unmount"}
	switch kind {
	case "overlay.build":
		return []string{"stage", "build", "commit", "clean up"}
	case "content.sweep":
		return []string{"revisions", "leftovers"}
	case "content.remove":
		return []string{"remove"}
	case "installation.install":
		return []string{"stage", "fetch", "commit"}
	case "installation.check":
		return []string{"ask"}
	case "installation.remove":
		return []string{"check", "remove"}
	case "server.start":
		return start
	case "server.stop":
		return stop
	case "server.restart":
		return append(stop, start...)
	case "server.kill":
		return []string{"unit.kill", "unmount"}
	case "server.reset":
		return []string{"check", "reset"}
	case "server.delete":
		return append(stop, "remove")
	}
	return nil
}

func defaultScript(kind string) Script {
	switch kind {
	case "overlay.build":
		return buildOverlay
	case "installation.install":
		return installRelease
	case "content.sweep":
		return sweep
	case "content.remove":
		return removeOrphan
	case "installation.check":
		return checkInstallation
	case "installation.remove":
		return removeRelease
	case "installation.rollout":
		return rollOut
	}
	return func(ctx context.Context, run *Run) error {
		for _, step := range stepsOf(kind) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			run.Step(step)
			run.Log("info", step)
			if err := run.w.serverStep(run, step); err != nil {
				return err
			}
		}
		return nil
	}
}

// buildOverlay makes a revision with one more file than the last one.
func buildOverlay(ctx context.Context, run *Run) error {
	name := strings.TrimPrefix(run.Subject(), "overlay/")
	run.Step("stage")
	run.Log("info", "building "+name)
	run.Step("build")
	for i := range uint64(3) {
		run.Progress(api.Progress{Phase: "download", Unit: "files", Done: i + 1, Total: 3})
		run.Log("stdout", fmt.Sprintf("file %d of 3", i+1))
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	run.Step("commit")
	defer run.w.lock()()
	o := run.w.overlays[name]
	if o == nil {
		return errors.New("the overlay is gone")
	}
	files := map[string]uint64{}
	if len(o.revisions) > 0 && !strings.HasPrefix(run.job.params, wiped) {
		maps.Copy(files, o.revisions[0].files)
	}
	for i := range 3 {
		files[fmt.Sprintf("left4dead2/addons/%s-%d.vpk", name, i+1)] = uint64(1000 * (i + 1))
	}
	files["left4dead2/build.txt"] = uint64(100 + len(o.revisions))
	r := run.w.commit(o, run.job.ID, files)
	run.job.Summary = fmt.Sprintf("%d files, %d added, %d changed, %d removed", r.Files, r.Added, r.Changed, r.Removed)
	return nil
}
