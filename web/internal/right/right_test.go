package right_test

import (
	"slices"
	"testing"

	"github.com/left4me/left4me/web/internal/right"
)

func TestCatalogueIsSound(t *testing.T) {
	seen := map[right.Right]bool{}
	for _, e := range right.Catalogue() {
		if seen[e.Right] || e.Doc == "" || e.Doc[len(e.Doc)-1] != '.' {
			t.Errorf("%q is there twice, or says nothing", e.Right)
		}
		seen[e.Right] = true
		if e.Share && e.Right.Kind() != "server" {
			t.Errorf("%q can be shared, but only servers are", e.Right)
		}
	}
	if right.Known("server.fly") || !right.Known(right.ServerPower) {
		t.Error("Known is wrong")
	}
}

// TestOf is the rule, written down once more as a table: whose object it is, and who asks.
func TestOf(t *testing.T) {
	all := func(kind string) right.Set {
		var out right.Set
		for _, e := range right.Catalogue() {
			if e.Right.Kind() == kind && !e.Right.Creates() {
				out = append(out, e.Right)
			}
		}
		return out
	}
	ada, bob, root := right.Person{Name: "ada"}, right.Person{Name: "bob"}, right.Person{Name: "root", Admin: true}
	server := right.Object{Kind: "server", Owner: "ada"}
	for name, tt := range map[string]struct {
		who    right.Person
		object right.Object
		shared right.Set
		want   right.Set
	}{
		"owner of a server":                 {ada, server, nil, all("server")},
		"administrator":                     {root, server, nil, all("server")},
		"stranger":                          {bob, server, nil, nil},
		"nobody":                            {right.Person{}, server, nil, nil},
		"nobody and an object of nobody":    {right.Person{}, right.Object{Kind: "server"}, nil, nil},
		"person and an object of nobody":    {ada, right.Object{Kind: "server"}, nil, nil},
		"shared":                            {bob, server, right.Set{right.ServerView, right.ServerPower}, right.Set{right.ServerView, right.ServerPower}},
		"shared without view":               {bob, server, right.Set{right.ServerPower}, right.Set{right.ServerView, right.ServerPower}},
		"shared what cannot be":             {bob, server, right.Set{right.ServerView, right.ServerDelete, right.ServerShare}, right.Set{right.ServerView}},
		"owner of an overlay":               {ada, right.Object{Kind: "overlay", Owner: "ada"}, nil, all("overlay")},
		"stranger's overlay":                {bob, right.Object{Kind: "overlay", Owner: "ada"}, nil, nil},
		"a share of a server on an overlay": {bob, right.Object{Kind: "overlay", Owner: "ada"}, right.Set{right.ServerView}, nil},
		"system-wide overlay":               {bob, right.Object{Kind: "overlay", System: true}, nil, right.Set{right.OverlayView}},
		"system-wide overlay of somebody":   {ada, right.Object{Kind: "overlay", Owner: "ada", System: true}, nil, right.Set{right.OverlayView}},
		"system-wide overlay, nobody":       {right.Person{}, right.Object{Kind: "overlay", System: true}, nil, nil},
		"administrator, system-wide":        {root, right.Object{Kind: "overlay", System: true}, nil, all("overlay")},
		"stranger's blueprint":              {bob, right.Object{Kind: "blueprint", Owner: "ada"}, nil, nil},
		"owner of a blueprint":              {ada, right.Object{Kind: "blueprint", Owner: "ada"}, nil, all("blueprint")},
		"a kind that does not exist":        {root, right.Object{Kind: "spaceship"}, nil, nil},
	} {
		if got := right.Of(tt.who, tt.object, tt.shared); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestParseSetKeepsWhatCanBeShared(t *testing.T) {
	got := right.ParseSet("server.power  server.delete admin server.view nonsense server.power")
	if want := (right.Set{right.ServerView, right.ServerPower}); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if again := right.ParseSet(got.String()); !slices.Equal(got, again) {
		t.Errorf("%v became %v", got, again)
	}
}

func TestForJob(t *testing.T) {
	for kind, want := range map[string]right.Right{"server.start": right.ServerPower, "server.reset": right.ServerReset,
		"server.delete": right.ServerDelete, "overlay.build": right.OverlayBuild, "schedule.run": right.ScheduleEdit, "release.install": right.Admin, "": right.Admin} {
		if got := right.ForJob(kind); got != want {
			t.Errorf("%q needs %q, want %q", kind, got, want)
		}
	}
}

func TestForActionAndCause(t *testing.T) {
	for kind, want := range map[string]right.Right{"start": right.ServerPower, "kill": right.ServerPower, "say": right.ServerCommand, "command": right.ServerCommand,
		"map": right.ServerMap, "build": right.OverlayBuild, "webhook": right.Member, "update": right.Admin, "refresh": right.Admin, "": right.Admin} {
		if got := right.ForAction(kind); got != want {
			t.Errorf("action %q needs %q, want %q", kind, got, want)
		}
	}
	for cause, want := range map[string]right.Right{"": right.Member, "server.empty": right.ServerView, "server.console": right.ServerConsole,
		"server.joined": right.ServerPlayers, "game.outdated": right.Member, "job.failed": right.Admin, "server.new": right.Admin} {
		if got := right.ForCause(cause); got != want {
			t.Errorf("cause %q needs %q, want %q", cause, got, want)
		}
	}
}
