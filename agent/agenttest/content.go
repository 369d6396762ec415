package agenttest

import (
	"context"
	"slices"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
)

type contentView struct{ *world }

// SetOrphans replaces the content that belongs to nothing.
func (a *Agent) SetOrphans(orphans ...api.Orphan) {
	defer a.w.lock()()
	a.w.orphans = orphans
	a.w.change()
}

func (v contentView) Orphans(context.Context) ([]api.Orphan, error) {
	defer v.lock()()
	return slices.Clone(v.orphans), nil
}

func (v contentView) Remove(_ context.Context, actor string, remove api.OrphanRemove) (api.Job, error) {
	if _, ok := content.ParseRef(remove.Content); !ok {
		return api.Job{}, fault.New(fault.Invalid, "%.100q does not name content.", remove.Content).WithField("content").
			WithHint("Copy a name from: left4me content orphans")
	}
	defer v.lock()()
	return v.queueLike("content.remove", "content", actor, false, remove.Content).show(), nil
}

func (v contentView) Sweep(_ context.Context, actor string) (api.Job, error) {
	defer v.lock()()
	return v.queue("content.sweep", "content", actor, false).show(), nil
}

// removeOrphan forgets the orphan that its job names.
func removeOrphan(_ context.Context, run *Run) error {
	run.Step("remove")
	w := run.w
	defer w.lock()()
	name := run.job.params
	at := slices.IndexFunc(w.orphans, func(o api.Orphan) bool { return o.Content == name })
	if at < 0 {
		return fault.New(fault.NotFound, "%s is not content that belongs to nothing.", name).WithHint("List it with: left4me content orphans")
	}
	w.orphans = slices.Delete(slices.Clone(w.orphans), at, at+1)
	w.change()
	return nil
}

// sweep removes nothing: revisions here are never too many.
func sweep(_ context.Context, run *Run) error {
	run.Step("revisions")
	run.Step("leftovers")
	return nil
}
