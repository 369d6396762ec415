package form_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/web/internal/form"
	"github.com/left4me/left4me/web/internal/view"
)

// Whatever a blueprint's settings hold comes back from the form: saving what was not touched changes nothing.
func TestBlueprintSettingsComeBack(t *testing.T) {
	zero, no := 0, false
	want := api.BlueprintSettings{Hostname: "Zoë \u202e<b>", Map: "c1m1_hotel", Mode: "mutation12", Difficulty: "Hard", MaxPlayers: 8, Tickrate: 100,
		Region: &zero, SteamGroup: "123", SearchKey: "k", SteamGroupExclusive: true, Password: "p w", Tags: "a,b", GameTypes: "coop",
		LobbyOnly: &no, Rates: true, MOTD: "one\ntwo", SMCvars: []string{"sv_cheats 0", "z_x 1"},
		Limits: api.Limits{MemoryMiB: 2048, CPUPercent: 150, Tasks: 64, CPUs: "0-3", IOWeight: 10}}
	got, problem := form.Blueprint(form.ShowBlueprint(want))
	if problem != nil || !cmp.Equal(got, want) {
		t.Errorf("%v: %s", problem, cmp.Diff(want, got))
	}
	if empty, problem := form.Blueprint(form.ShowBlueprint(api.BlueprintSettings{})); problem != nil || !cmp.Equal(empty, api.BlueprintSettings{}) {
		t.Errorf("nothing became %+v, %v", empty, problem)
	}
}

func TestBlueprintNumbers(t *testing.T) {
	if _, problem := form.Blueprint(map[string]string{"limits.tasks": "many"}); problem == nil || problem.Field != "settings.limits.tasks" {
		t.Errorf("%+v", problem)
	}
}

// Every setting has a name for people and says what it does; what a newer API adds stands in the form by itself.
func TestEverySettingIsDescribed(t *testing.T) {
	list := view.BlueprintSettings()
	for _, s := range list {
		if s.Label == "" || s.Help == "" || s.Kind == "" || s.Name == "" || s.Group == "" {
			t.Errorf("%+v says too little", s)
		}
	}
	if len(list) < 22 {
		t.Errorf("only %d settings", len(list))
	}
}
