package form

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/web/internal/view"
)

// maxActions bounds the actions that are read from a form; the agent takes fewer.
const maxActions = 50

// ShowSchedule writes a schedule the way its inputs take it.
func ShowSchedule(s api.Schedule) view.ScheduleForm {
	t, c := s.Trigger, s.Conditions
	f := view.ScheduleForm{Name: s.Name, Event: t.On != "", Cron: t.Cron, Zone: t.Zone, On: t.On, Server: t.Server, Match: t.Match, Cooldown: number(t.Cooldown),
		About: c.Server, Min: pointer(c.MinPlayers), Max: pointer(c.MaxPlayers), Wait: number(c.Wait), States: c.States,
		Overlap: s.Overlap, CatchUp: s.CatchUp, Disabled: !s.Enabled, Stored: s}
	for _, a := range s.Actions {
		f.Actions = append(f.Actions, view.ActionForm{Kind: a.Kind, Server: a.Server, Overlay: a.Overlay, Text: a.Text, URL: a.URL, Format: a.Format,
			After: number(a.After), Continue: a.Continue})
	}
	return f
}

// TypedSchedule returns what stands in a posted form, with what its buttons did to the order of the actions. pressed
// reports whether one of them was.
func TypedSchedule(values url.Values) (f view.ScheduleForm, pressed bool) {
	get := func(name string) string { return strings.TrimSpace(values.Get(name)) }
	f = view.ScheduleForm{Name: get("name"), Event: get("when") == "event", Cron: get("cron"), Zone: get("zone"), On: get("on"), Server: get("server"),
		Match: values.Get("match"), Cooldown: get("cooldown"), About: get("conditions.server"), Min: get("conditions.min_players"),
		Max: get("conditions.max_players"), Wait: get("conditions.wait"), States: values["states"], Overlap: get("overlap"),
		CatchUp: get("catch_up") != "", Disabled: get("disabled") != ""}
	for i := range maxActions {
		of := func(name string) string { return get(fmt.Sprintf("a%d.%s", i, name)) }
		if of("kind") == "" {
			break
		}
		f.Actions = append(f.Actions, view.ActionForm{Kind: of("kind"), Server: of("server"), Overlay: of("overlay"), Text: of("text"), URL: of("url"),
			Format: of("format"), After: of("after"), Continue: of("continue") != ""})
	}
	f.Actions, pressed = arrange(f.Actions, get)
	return f, pressed
}

func arrange(list []view.ActionForm, get func(string) string) ([]view.ActionForm, bool) {
	at := func(name string) int {
		i, err := strconv.Atoi(get(name))
		if err != nil || i < 0 || i >= len(list) {
			return -1
		}
		return i
	}
	up, down, remove := at("up"), at("down"), at("remove")
	switch {
	case up > 0:
		list[up-1], list[up] = list[up], list[up-1]
	case down >= 0 && down+1 < len(list):
		list[down], list[down+1] = list[down+1], list[down]
	case remove >= 0:
		list = slices.Delete(list, remove, remove+1)
	case get("do") == "add" && get("add") != "" && len(list) < maxActions:
		list = append(list, view.ActionForm{Kind: get("add")})
	}
	return list, get("up")+get("down")+get("remove") != "" || get("do") == "add"
}

// Schedule reads a schedule's definition from its form. What belongs to the other kind of trigger is left out.
func Schedule(f view.ScheduleForm) (api.ScheduleDefinition, *view.Problem) {
	var problem *view.Problem
	count := func(field, text string) int {
		if text == "" {
			return 0
		}
		n, err := strconv.Atoi(text)
		if err != nil && problem == nil {
			problem = &view.Problem{Message: "This is not a number: " + text, Hint: "Write digits, or leave it empty.", Field: field}
		}
		return n
	}
	maybe := func(field, text string) *int {
		if text == "" {
			return nil
		}
		n := count(field, text)
		return &n
	}
	d := api.ScheduleDefinition{Overlap: f.Overlap, Actions: []api.ScheduleAction{}}
	if f.Event {
		d.Trigger = api.ScheduleTrigger{On: f.On, Server: f.Server, Match: f.Match, Cooldown: count("cooldown", f.Cooldown)}
	} else {
		d.Trigger, d.CatchUp = api.ScheduleTrigger{Cron: f.Cron, Zone: f.Zone}, f.CatchUp
	}
	d.Conditions = api.ScheduleConditions{Server: f.About, MinPlayers: maybe("conditions.min_players", f.Min),
		MaxPlayers: maybe("conditions.max_players", f.Max), States: f.States, Wait: count("conditions.wait", f.Wait)}
	for i, a := range f.Actions {
		d.Actions = append(d.Actions, api.ScheduleAction{Kind: a.Kind, Server: a.Server, Overlay: a.Overlay, Text: a.Text, URL: a.URL,
			Format: a.Format, After: count(fmt.Sprintf("actions[%d]", i), a.After), Continue: a.Continue})
	}
	return d, problem
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func pointer(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}
