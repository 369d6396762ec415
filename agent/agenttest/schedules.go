package agenttest

import (
	"context"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/id"
	"github.com/left4me/left4me/agent/internal/schedule"
)

// scheduleView keeps schedules. It never fires one by itself: tests say when, with Run.
type scheduleView struct{ *world }

func showSchedule(s *api.Schedule) api.Schedule { return *s }

func (v scheduleView) List(context.Context) ([]api.Schedule, error) {
	defer v.lock()()
	return sorted(v.schedules, showSchedule), nil
}

func (v scheduleView) Get(_ context.Context, name string) (api.Schedule, error) {
	defer v.lock()()
	s, ok := v.schedules[name]
	if !ok {
		return api.Schedule{}, notFound("schedule", name)
	}
	return *s, nil
}

func (v scheduleView) Create(_ context.Context, actor string, create api.ScheduleCreate) (api.Schedule, error) {
	defer v.lock()()
	if err := checkName(create.Name); err != nil {
		return api.Schedule{}, err
	}
	if v.schedules[create.Name] != nil {
		return api.Schedule{}, taken("schedule", create.Name)
	}
	if err := checkDefinition(create.ScheduleDefinition); err != nil {
		return api.Schedule{}, err
	}
	s := &api.Schedule{ID: id.New(), Name: create.Name, Owner: actor, Enabled: !create.Disabled, CreatedAt: time.Now().UTC(),
		ScheduleDefinition: create.ScheduleDefinition}
	v.arm(s)
	v.schedules[s.Name] = s
	v.record("schedule.created", "schedule/"+s.Name, actor, "Schedule created.")
	return *s, nil
}

// arm gives a schedule with a time its next one. The lock is held.
func (w *world) arm(s *api.Schedule) {
	s.NextRun = nil
	if s.Enabled && s.Trigger.Cron != "" {
		next := time.Now().UTC().Add(time.Hour).Truncate(time.Hour)
		s.NextRun = &next
	}
}

func checkDefinition(d api.ScheduleDefinition) error {
	if (d.Trigger.Cron == "") == (d.Trigger.On == "") {
		return fault.New(fault.Invalid, "A schedule has a time or something that must happen, not both.").WithField("trigger").
			WithHint(`Give cron, for example "0 5 * * *", or on, for example server.empty.`)
	}
	if len(d.Actions) == 0 {
		return fault.New(fault.Invalid, "A schedule has 1 to 20 actions; this one has 0.").WithField("actions")
	}
	return nil
}

func (v scheduleView) Update(_ context.Context, actor, name string, update api.ScheduleUpdate) (api.Schedule, error) {
	defer v.lock()()
	s, ok := v.schedules[name]
	if !ok {
		return api.Schedule{}, notFound("schedule", name)
	}
	if update.Definition != nil {
		if err := checkDefinition(*update.Definition); err != nil {
			return api.Schedule{}, err
		}
		s.ScheduleDefinition = *update.Definition
	}
	if update.Enabled != nil {
		s.Enabled = *update.Enabled
	}
	s.Reason = update.Reason
	if update.Take {
		s.Owner = actor
	}
	v.arm(s)
	v.record("schedule.edited", "schedule/"+name, actor, "Schedule edited.")
	return *s, nil
}

func (v scheduleView) Delete(_ context.Context, actor, name string) error {
	defer v.lock()()
	if v.schedules[name] == nil {
		return notFound("schedule", name)
	}
	delete(v.schedules, name)
	v.record("schedule.deleted", "schedule/"+name, actor, "Schedule deleted.")
	return nil
}

func (v scheduleView) Run(_ context.Context, actor, name string, _ api.ScheduleRun) (api.Job, error) {
	defer v.lock()()
	s, ok := v.schedules[name]
	if !ok {
		return api.Job{}, notFound("schedule", name)
	}
	j := v.queue("schedule.run", "schedule/"+name, actor, false)
	now := time.Now().UTC()
	s.LastJob, s.LastRun = j.ID, &now
	return j.show(), nil
}

func (v scheduleView) Preview(_ context.Context, t api.ScheduleTrigger) (api.SchedulePreview, error) {
	times, err := schedule.NextTimes(t.Cron, t.Zone, time.Now(), 5)
	return api.SchedulePreview{NextRuns: times}, err
}

func (v scheduleView) Kinds(context.Context) (api.ScheduleKinds, error) {
	return api.ScheduleKinds{
		Causes: []string{"server.map_end", "server.empty", "server.crashed", "server.hung", "server.console", "game.outdated", "plugin.failed"},
		Actions: []api.ScheduleActionKind{
			{Name: "start", Doc: "Start a server.", Server: true}, {Name: "stop", Doc: "Stop a server.", Server: true},
			{Name: "restart", Doc: "Restart a server with the newest content.", Server: true},
			{Name: "say", Doc: "Say something to everybody who plays.", Server: true, Text: "message"},
			{Name: "command", Doc: "Run a console command.", Server: true, Text: "command"},
			{Name: "map", Doc: "Go to another map.", Server: true, Text: "map"},
			{Name: "build", Doc: "Build an overlay.", Overlay: true},
			{Name: "webhook", Doc: "Send what happened to a web address.", URL: true},
		},
	}, nil
}
