package api

import "time"

// Schedule is something that is done by itself.
type Schedule struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Owner     string     `json:"owner,omitempty"`
	Enabled   bool       `json:"enabled"`
	Reason    string     `json:"reason,omitempty" doc:"Why it was switched off by itself."`
	NextRun   *time.Time `json:"next_run,omitempty" doc:"When it runs next, if that is known."`
	LastRun   *time.Time `json:"last_run,omitempty"`
	LastJob   string     `json:"last_job,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	ScheduleDefinition
}

// ScheduleDefinition is what a schedule does and when.
type ScheduleDefinition struct {
	Trigger    ScheduleTrigger    `json:"trigger"`
	Conditions ScheduleConditions `json:"conditions,omitzero"`
	Actions    []ScheduleAction   `json:"actions"`
	Overlap    string             `json:"overlap,omitempty" doc:"What happens when it fires before it was done: skip (the default) or queue."`
	CatchUp    bool               `json:"catch_up,omitempty" doc:"Run once at the start of the agent when a time was missed."`
}

// ScheduleTrigger says when: at times, or when something happens.
type ScheduleTrigger struct {
	Cron     string `json:"cron,omitempty" doc:"Minute, hour, day of month, month, day of week; or @daily and the like."`
	Zone     string `json:"zone,omitempty" doc:"Time zone of cron, for example Europe/Berlin; the host's if absent."`
	On       string `json:"on,omitempty" doc:"What must happen, see schedule-kinds."`
	Server   string `json:"server,omitempty" doc:"Only on this server."`
	Match    string `json:"match,omitempty" doc:"Regular expression (RE2) for a console line; only with server.console."`
	Cooldown int    `json:"cooldown,omitempty" doc:"Seconds until it can be set off again; 60 if absent."`
}

// ScheduleConditions must hold, else nothing is done.
type ScheduleConditions struct {
	Server     string   `json:"server,omitempty" doc:"Whose players and state; the trigger's if absent."`
	MinPlayers *int     `json:"min_players,omitempty"`
	MaxPlayers *int     `json:"max_players,omitempty"`
	States     []string `json:"states,omitempty" doc:"One of these states."`
	Wait       int      `json:"wait,omitempty" doc:"Seconds they may take to become true."`
}

// ScheduleAction is one thing to do.
type ScheduleAction struct {
	Kind     string `json:"kind" doc:"See schedule-kinds."`
	Server   string `json:"server,omitempty" doc:"The trigger's if absent."`
	Overlay  string `json:"overlay,omitempty"`
	Text     string `json:"text,omitempty" doc:"Message, console command or map."`
	URL      string `json:"url,omitempty" doc:"Of a webhook. It is shown without its secret part; sent back like that it stays."`
	Format   string `json:"format,omitempty" doc:"Of a webhook: json (the default) or discord."`
	After    int    `json:"after,omitempty" doc:"Seconds to wait before it."`
	Continue bool   `json:"continue,omitempty" doc:"Go on when it fails."`
}

// ScheduleCreate makes a schedule.
type ScheduleCreate struct {
	Name     string `json:"name"`
	Disabled bool   `json:"disabled,omitempty"`
	ScheduleDefinition
}

// ScheduleUpdate changes what is set.
type ScheduleUpdate struct {
	Enabled    *bool               `json:"enabled,omitempty"`
	Definition *ScheduleDefinition `json:"definition,omitempty" doc:"Replaces the whole definition."`
	Reason     string              `json:"reason,omitempty" maxLength:"500" doc:"Why it is switched off, when no person wants it so. Only with enabled false."`
	Take       bool                `json:"take,omitempty" doc:"It belongs to who changes it from now on."`
}

// ScheduleRun sets a schedule off by hand.
type ScheduleRun struct {
	Server string `json:"server,omitempty" doc:"Stands for the server of the trigger."`
}

// SchedulePreview says when a trigger would set a schedule off.
type SchedulePreview struct {
	NextRuns []time.Time `json:"next_runs" doc:"The next times, in the trigger's zone; none for a trigger without cron."`
}

// ScheduleKinds says what schedules can be made of.
type ScheduleKinds struct {
	Causes  []string             `json:"causes" doc:"What can set one off."`
	Actions []ScheduleActionKind `json:"actions"`
}

// ScheduleActionKind is a kind of action.
type ScheduleActionKind struct {
	Name    string `json:"name"`
	Doc     string `json:"doc"`
	Server  bool   `json:"server,omitempty" doc:"It acts on a server."`
	Overlay bool   `json:"overlay,omitempty" doc:"It needs an overlay."`
	URL     bool   `json:"url,omitempty" doc:"It needs a url."`
	Text    string `json:"text,omitempty" doc:"What its text is; it needs none if absent."`
}
