package blueprint_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/rig"
	"github.com/left4me/left4me/agent/internal/server"
)

func TestResolve(t *testing.T) {
	region := 3
	b := blueprint.Blueprint{Name: "coop", Arguments: []string{"-nobots"}, Config: []string{"# mine", "sv_cheats 0"},
		Settings: blueprint.Settings{Hostname: "On {server}", Map: "c5m1_waterfront", Mode: "versus", Difficulty: "Hard",
			MaxPlayers: 8, Tickrate: 60, Region: &region, SteamGroup: "38347879", SearchKey: "crone"}}
	overlays := []content.Layer{{Overlay: "o1", Revision: "r1"}, {Overlay: "o2", Revision: "r2"}}
	plan := blueprint.Resolve(b, overlays, content.Layer{Release: "v1"}, blueprint.Instance{Name: "alpha", Port: 27015, RCONPassword: "secret"})
	want := blueprint.Plan{
		Lowers: []content.Layer{{Overlay: "o1", Revision: "r1"}, {Overlay: "o2", Revision: "r2"}, {Release: "v1"}},
		Args: strings.Fields("-game left4dead2 -norestart -strictportbind +ip 0.0.0.0 +hostport 27015 -tickrate 60 " +
			"-maxplayers 8 +mp_gamemode versus -nobots +map c5m1_waterfront"),
		Files: []content.File{{Path: "left4dead2/cfg/server.cfg", Secret: true, Data: []byte(`// Written by left4me at each start of server "alpha". Edit blueprint "coop" instead.
log on
sv_logecho 1
sv_logfile 0
//# mine
sv_cheats 0
// Generated from the settings.
hostname "On alpha"
z_difficulty "Hard"
sv_steamgroup "38347879"
sv_search_key "crone"
sv_region "3"
rcon_password "secret"
`)}},
	}
	if diff := cmp.Diff(want, plan); diff != "" {
		t.Error(diff)
	}
}

func TestEmptyBlueprintStillHasAMap(t *testing.T) {
	plan := blueprint.Resolve(blueprint.Blueprint{}, nil, content.Layer{Release: "v1"}, blueprint.Instance{Name: "a", Port: 1})
	if n := len(plan.Args); plan.Args[n-2] != "+map" || plan.Args[n-1] != "c1m1_hotel" {
		t.Errorf("args = %q; without a map the game does not answer", plan.Args)
	}
}

// Settings that would break out of their place are refused (security.md).
func TestBreakOutsAreRefused(t *testing.T) {
	r := rig.New(t)
	r.Overlay("maps", map[string]string{"a": "1"})
	tests := map[string]struct {
		draft blueprint.Draft
		field string
	}{
		"quote in hostname":        {blueprint.Draft{Settings: blueprint.Settings{Hostname: `x"; rcon_password x`}}, "settings.hostname"},
		"semicolon in search key":  {blueprint.Draft{Settings: blueprint.Settings{SearchKey: "a;quit"}}, "settings.search_key"},
		"newline in steam group":   {blueprint.Draft{Settings: blueprint.Settings{SteamGroup: "1\nquit"}}, "settings.steam_group"},
		"command in map":           {blueprint.Draft{Settings: blueprint.Settings{Map: "x +exec y"}}, "settings.map"},
		"plus in map":              {blueprint.Draft{Settings: blueprint.Settings{Map: "+exec"}}, "settings.map"},
		"blank in argument":        {blueprint.Draft{Arguments: []string{"+hostname my server"}}, "arguments"},
		"shell in argument":        {blueprint.Draft{Arguments: []string{"$(reboot)"}}, "arguments"},
		"newline in argument":      {blueprint.Draft{Arguments: []string{"a\nb"}}, "arguments"},
		"reserved argument":        {blueprint.Draft{Arguments: []string{"+HostPort", "1"}}, "arguments"},
		"password in arguments":    {blueprint.Draft{Arguments: []string{"+rcon_password", "x"}}, "arguments"},
		"newline in config":        {blueprint.Draft{Config: []string{"a\nb"}}, "config"},
		"open quote in config":     {blueprint.Draft{Config: []string{`hostname "x`}}, "config"},
		"unknown difficulty":       {blueprint.Draft{Settings: blueprint.Settings{Difficulty: "easy"}}, "settings.difficulty"},
		"tick rate out of bounds":  {blueprint.Draft{Settings: blueprint.Settings{Tickrate: 1000}}, "settings.tickrate"},
		"too many players":         {blueprint.Draft{Settings: blueprint.Settings{MaxPlayers: 99}}, "settings.max_players"},
		"memory of a watch":        {blueprint.Draft{Settings: blueprint.Settings{Limits: blueprint.Limits{MemoryMiB: 1}}}, "settings.limits.memory_mib"},
		"negative processor":       {blueprint.Draft{Settings: blueprint.Settings{Limits: blueprint.Limits{CPUPercent: -5}}}, "settings.limits.cpu_percent"},
		"too few tasks":            {blueprint.Draft{Settings: blueprint.Settings{Limits: blueprint.Limits{Tasks: 2}}}, "settings.limits.tasks"},
		"escape in processors":     {blueprint.Draft{Settings: blueprint.Settings{Limits: blueprint.Limits{CPUs: "0\x1b[2J\n"}}}, "settings.limits.cpus"},
		"weight beyond the scale":  {blueprint.Draft{Settings: blueprint.Settings{Limits: blueprint.Limits{IOWeight: 10001}}}, "settings.limits.io_weight"},
		"overlay that is not":      {blueprint.Draft{Overlays: []string{"nope"}}, "overlays"},
		"overlay twice":            {blueprint.Draft{Overlays: []string{"maps", "maps"}}, "overlays"},
		"too many overlays":        {blueprint.Draft{Overlays: names(200)}, "overlays"},
		"invalid UTF-8 in config":  {blueprint.Draft{Config: []string{"\xff"}}, "config"},
		"escape code in argument":  {blueprint.Draft{Arguments: []string{"\x1b[2J"}}, "arguments"},
		"hostname of 10,000 bytes": {blueprint.Draft{Settings: blueprint.Settings{Hostname: strings.Repeat("x", 10000)}}, "settings.hostname"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.draft.Name = "b"
			_, err := r.Blueprints.Create(context.Background(), "ann", test.draft)
			e, ok := fault.Of(err)
			if !ok || e.Field != test.field {
				t.Fatalf("error = %v; want one about %s", err, test.field)
			}
			if strings.ContainsAny(e.Message, "\x1b\n") {
				t.Errorf("message %q carries control characters", e.Message)
			}
		})
	}
	if all, err := r.DB.Blueprints(context.Background()); err != nil || len(all) != 0 {
		t.Errorf("%d blueprints, %v; bad input changed something", len(all), err)
	}
}

func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint("o", i)
	}
	return out
}

func TestEditKeepsOrderAndDeleteRefusesWhileUsed(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	a, b := r.Overlay("a", map[string]string{"x": "1"}), r.Overlay("b", map[string]string{"x": "2"})
	if _, err := r.Blueprints.Create(ctx, "ann", blueprint.Draft{Name: "coop", Overlays: []string{"a", "b"}}); err != nil {
		t.Fatal(err)
	}
	swapped := []string{"b", "a"}
	edited, err := r.Blueprints.Edit(ctx, "ann", "coop", blueprint.Change{Overlays: &swapped})
	if err != nil || !slices.Equal(edited.Overlays, []string{b.ID, a.ID}) {
		t.Errorf("overlays = %v, %v", edited.Overlays, err)
	}
	if read, err := r.DB.BlueprintByName(ctx, "coop"); err != nil || !slices.Equal(read.Overlays, edited.Overlays) {
		t.Errorf("stored = %v, %v", read.Overlays, err)
	}
	if _, err := r.Servers.Create(ctx, "ann", server.Draft{Name: "alpha", Blueprint: "coop"}); err != nil {
		t.Fatal(err)
	}
	if err := r.Blueprints.Delete(ctx, "ann", "coop"); !fault.Is(err, fault.Precondition) {
		t.Errorf("delete while used: %v", err)
	}
}
