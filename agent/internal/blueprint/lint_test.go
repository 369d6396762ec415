package blueprint_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/content"
)

func TestLint(t *testing.T) {
	long := strings.Repeat("x", 64)
	for line, want := range map[string]string{
		`sv_alltalk 1`:                          "",
		`  // anything at all`:                  "",
		``:                                      "",
		`# tickrate`:                            "no comments with #",
		`rcon_password mine`:                    "left4me makes the RCON password",
		`hostnme "Fun"`:                         "does not know hostnme",
		`hostname "Fun"; sv_cheats 0 // z_tank`: "",
		`sv_search_key mine`:                    "set by the settings",
		`z_tank_health 8000`:                    "is a cheat",
		`sm_cvar z_tank_health 8000`:            "",
		`sm_anything 1`:                         "",
		`sv_tags "` + long + `"`:                "64 characters",
		`SV_TAGS "short"`:                       "",
		`echo "; z_tank_health 1"`:              "",
		`sv_alltalk 1;frobnicate`:               "does not know frobnicate",
		`logaddress_add 127.0.0.1:28000`:        "never sends",
		`logaddress_add 192.0.2.1:28000`:        "",
		`exec server_maps.cfg`:                  "",
		"\tsv_alltalk\t1":                       "",
		`"sv_alltalk" "1"`:                      "",
		`;;;`:                                   "",
	} {
		b := blueprint.Blueprint{Config: []string{line}, Settings: blueprint.Settings{SearchKey: "k"}}
		found := b.Lint()
		switch {
		case want == "" && len(found) > 0:
			t.Errorf("%q: %+v, want nothing", line, found)
		case want != "" && (len(found) != 1 || !strings.Contains(found[0].Message, want) || found[0].Line != 1 || found[0].Hint == ""):
			t.Errorf("%q: %+v, want %q", line, found, want)
		}
	}
}

func TestCheatsAreFineWithCheatsOn(t *testing.T) {
	b := blueprint.Blueprint{Config: []string{"sv_cheats 1", "z_tank_health 1", "sv_cheats 0", "z_witch_health 1"}}
	if found := b.Lint(); len(found) != 1 || found[0].Line != 4 {
		t.Errorf("found %+v", found)
	}
}

func TestLintIsBounded(t *testing.T) {
	b := blueprint.Blueprint{Config: slices.Repeat([]string{"frobnicate;frobnicate"}, 1000)}
	if n := len(b.Lint()); n > 110 {
		t.Errorf("%d findings", n)
	}
}

func FuzzLint(f *testing.F) {
	f.Add(`a "b;c" ; d // e`)
	f.Fuzz(func(t *testing.T, line string) {
		b := blueprint.Blueprint{Config: []string{line}}
		for _, finding := range b.Lint() {
			if finding.Message == "" {
				t.Errorf("%q: an empty message", line)
			}
		}
	})
}

// Whatever passes Check comes out as lines that the engine reads as meant: no setting makes a second command.
func FuzzSettingsStayInTheirQuotes(f *testing.F) {
	f.Add("Fun", "k", "name value", "a,b")
	f.Add(`x"; quit`, "y\nquit", "a b;c", "//")
	f.Fuzz(func(t *testing.T, hostname, key, cvar, tags string) {
		b := blueprint.Blueprint{Settings: blueprint.Settings{Hostname: hostname, SearchKey: key, SMCvars: []string{cvar}, Tags: tags}}
		if b.Check() != nil {
			return
		}
		plan := blueprint.Resolve(b, nil, content.Layer{}, blueprint.Instance{Name: "s", Port: 1, RCONPassword: "p"})
		text := string(plan.Files[0].Data)
		want := 1 + 3 + 1 + 1 + 1 + 1 // head, logging, note, hostname, sm_cvar, password
		for _, value := range []string{key, tags} {
			if value != "" {
				want++
			}
		}
		if got := strings.Count(text, "\n"); got != want || strings.ContainsAny(strings.ReplaceAll(text, "\n", ""), "\r\x00;") {
			t.Errorf("%d lines, want %d:\n%s", got, want, text)
		}
		for line := range strings.Lines(text) {
			if strings.Count(line, `"`)%2 != 0 {
				t.Errorf("open quote: %s", line)
			}
		}
	})
}

func TestNewSettings(t *testing.T) {
	no := false
	b := blueprint.Blueprint{Settings: blueprint.Settings{Password: "let me in", Tags: "fun", GameTypes: "coop,versus", LobbyOnly: &no,
		SteamGroup: "1", SteamGroupExclusive: true, Tickrate: 100, Rates: true, MOTD: "Be nice.", SMCvars: []string{"z_tank_health 8000", "x  a b "}}}
	if err := b.Check(); err != nil {
		t.Fatal(err)
	}
	plan := blueprint.Resolve(b, nil, content.Layer{}, blueprint.Instance{Name: "s", Port: 1, RCONPassword: "p"})
	text := string(plan.Files[0].Data)
	for _, line := range []string{`sv_password "let me in"`, `sv_tags "fun"`, `sv_gametypes "coop,versus"`, `sv_allow_lobby_connect_only "0"`,
		`sv_steamgroup_exclusive "1"`, `sv_maxrate 100000`, `sv_maxcmdrate 100`, `motdfile "left4me_motd.txt"`,
		`sm_cvar z_tank_health "8000"`, `sm_cvar x "a b"`} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s in:\n%s", line, text)
		}
	}
	if !strings.HasSuffix(text, "rcon_password \"p\"\n") {
		t.Error("the password must be last: writing it hangs up on who is connected")
	}
	if len(plan.Files) != 2 || string(plan.Files[1].Data) != "Be nice.\n" {
		t.Errorf("files = %s", fmt.Sprint(plan.Files))
	}
}
