package daemon

import (
	"context"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/httpapi"
	"github.com/left4me/left4me/agent/internal/schedule"
)

// schedules serves httpapi.Schedules.
type schedules struct {
	manager *schedule.Manager
}

var _ httpapi.Schedules = schedules{}

func (s schedules) List(ctx context.Context) ([]api.Schedule, error) {
	found, err := s.manager.Store.Schedules(ctx)
	out := make([]api.Schedule, len(found))
	for i, one := range found {
		out[i] = s.show(one)
	}
	return out, err
}

func (s schedules) Get(ctx context.Context, name string) (api.Schedule, error) {
	found, err := s.manager.Store.ScheduleByName(ctx, name)
	return s.show(found), err
}

func (s schedules) Create(ctx context.Context, actor string, create api.ScheduleCreate) (api.Schedule, error) {
	draft := schedule.Schedule{Name: create.Name, Owner: ownerOf(actor), Enabled: !create.Disabled}
	define(&draft, create.ScheduleDefinition)
	made, err := s.manager.Create(ctx, actor, draft)
	return s.show(made), err
}

func (s schedules) Update(ctx context.Context, actor, name string, update api.ScheduleUpdate) (api.Schedule, error) {
	off := update.Enabled != nil && !*update.Enabled
	if update.Reason != "" && !off {
		return api.Schedule{}, fault.New(fault.Invalid, "Only a schedule that is switched off has a reason for it.").WithField("reason")
	}
	changed, err := s.manager.Edit(ctx, actor, name, func(current *schedule.Schedule) {
		current.Reason = update.Reason
		if update.Take {
			current.Owner = ownerOf(actor)
		}
		if update.Enabled != nil {
			current.Enabled = *update.Enabled
		}
		if update.Definition != nil {
			define(current, *update.Definition)
		}
	})
	return s.show(changed), err
}

func (s schedules) Delete(ctx context.Context, actor, name string) error {
	return s.manager.Delete(ctx, actor, name)
}

func (s schedules) Run(ctx context.Context, actor, name string, run api.ScheduleRun) (api.Job, error) {
	return shown(s.manager.Run(ctx, actor, name, run.Server))
}

func (s schedules) Kinds(context.Context) (api.ScheduleKinds, error) {
	var out api.ScheduleKinds
	for _, cause := range schedule.Causes() {
		out.Causes = append(out.Causes, string(cause))
	}
	for _, k := range schedule.Kinds() {
		out.Actions = append(out.Actions, api.ScheduleActionKind(k))
	}
	return out, nil
}

func (s schedules) Preview(_ context.Context, t api.ScheduleTrigger) (api.SchedulePreview, error) {
	times, err := schedule.NextTimes(t.Cron, t.Zone, time.Now(), 5)
	return api.SchedulePreview{NextRuns: times}, err
}

func define(s *schedule.Schedule, d api.ScheduleDefinition) {
	s.Trigger = schedule.Trigger{Cron: d.Trigger.Cron, Zone: d.Trigger.Zone, On: schedule.Cause(d.Trigger.On), Server: d.Trigger.Server,
		Match: d.Trigger.Match, Cooldown: seconds(d.Trigger.Cooldown)}
	s.Conditions = schedule.Conditions{Server: d.Conditions.Server, MinPlayers: d.Conditions.MinPlayers, MaxPlayers: d.Conditions.MaxPlayers,
		States: d.Conditions.States, Wait: seconds(d.Conditions.Wait)}
	s.Actions = nil
	for _, a := range d.Actions {
		s.Actions = append(s.Actions, schedule.Action{Kind: a.Kind, Server: a.Server, Overlay: a.Overlay, Text: a.Text, URL: a.URL,
			Format: a.Format, After: seconds(a.After), Continue: a.Continue})
	}
	s.Overlap, s.CatchUp = schedule.Overlap(d.Overlap), d.CatchUp
}

func (s schedules) show(from schedule.Schedule) api.Schedule {
	out := api.Schedule{ID: from.ID, Name: from.Name, Owner: from.Owner, Enabled: from.Enabled, Reason: from.Reason,
		NextRun: optional(s.manager.NextRun(from)), LastRun: optional(from.LastFired), LastJob: from.LastJob, CreatedAt: from.CreatedAt}
	t, c := from.Trigger, from.Conditions
	out.Trigger = api.ScheduleTrigger{Cron: t.Cron, Zone: t.Zone, On: string(t.On), Server: t.Server, Match: t.Match, Cooldown: whole(t.Cooldown)}
	out.Conditions = api.ScheduleConditions{Server: c.Server, MinPlayers: c.MinPlayers, MaxPlayers: c.MaxPlayers, States: c.States, Wait: whole(c.Wait)}
	for _, a := range from.Actions {
		shown := api.ScheduleAction{Kind: a.Kind, Server: a.Server, Overlay: a.Overlay, Text: a.Text, Format: a.Format, After: whole(a.After), Continue: a.Continue}
		if a.URL != "" {
			shown.URL = schedule.Mask(a.URL)
		}
		out.Actions = append(out.Actions, shown)
	}
	out.Overlap, out.CatchUp = string(from.Overlap), from.CatchUp
	return out
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
func whole(d time.Duration) int   { return int(d / time.Second) }
