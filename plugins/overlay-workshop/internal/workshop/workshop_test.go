package workshop_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/standin"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/transport"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/workshop"
)

func TestParseInput(t *testing.T) {
	for name, test := range map[string]struct {
		in        []string
		want, bad string
	}{
		"id":              {[]string{"698857882"}, "698857882", ""},
		"address":         {[]string{"https://steamcommunity.com/sharedfiles/filedetails/?id=121115793"}, "121115793", ""},
		"address, more":   {[]string{"http://www.SteamCommunity.com/workshop/filedetails?searchtext=x&id=5&l=german#top"}, "5", ""},
		"steam protocol":  {[]string{"steam://url/CommunityFilePage/7 steam://openurl/https://steamcommunity.com/sharedfiles/filedetails/?id=8"}, "7 8", ""},
		"no scheme":       {[]string{"steamcommunity.com/sharedfiles/filedetails/?id=6"}, "6", ""},
		"many lines":      {[]string{"1\r\n2, 3;4\r5\t6", " 7 "}, "1 2 3 4 5 6 7", ""},
		"duplicates":      {[]string{"2 1 2", "1"}, "2 1", ""},
		"comments":        {[]string{"# the good ones\n1 # one\n2 // two\n// 3\n//4"}, "1 2", ""},
		"other site":      {[]string{"https://example.org/sharedfiles/filedetails/?id=1"}, "", "https://example.org/sharedfiles/filedetails/?id=1"},
		"look-alike site": {[]string{"https://steamcommunity.com.example.org/sharedfiles/filedetails/?id=1"}, "", "https://steamcommunity.com.example.org/sharedfiles/filedetails/?id=1"},
		"user page":       {[]string{"https://steamcommunity.com/profiles/76561197985018726"}, "", "https://steamcommunity.com/profiles/76561197985018726"},
		"words":           {[]string{"1 abc 2"}, "1 2", "abc"},
		"zero and minus":  {[]string{"0 -5 01 123456789012345678901"}, "", "0 -5 01 123456789012345678901"},
		"path":            {[]string{"../1"}, "", "../1"},
		"empty":           {[]string{"", "\n \n"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			ids, bad := workshop.ParseInput(test.in)
			var pieces []string
			for _, piece := range bad {
				pieces = append(pieces, piece.Text)
			}
			if got := strings.Join(ids, " "); got != test.want {
				t.Errorf("ids %q, want %q", got, test.want)
			}
			if got := strings.Join(pieces, " "); got != test.bad {
				t.Errorf("bad %q, want %q", got, test.bad)
			}
		})
	}
}

func FuzzParseInput(f *testing.F) {
	f.Add("1\nhttps://steamcommunity.com/sharedfiles/filedetails/?id=2 # x")
	f.Add("steam://url/CommunityFilePage/7;;,<3>")
	f.Fuzz(func(t *testing.T, in string) {
		ids, _ := workshop.ParseInput([]string{in})
		for i, id := range ids {
			if !workshop.ValidID(id) || slices.Contains(ids[:i], id) {
				t.Fatalf("ids %q", ids)
			}
		}
		if again, bad := workshop.ParseInput(ids); len(bad) > 0 || !slices.Equal(ids, again) {
			t.Fatalf("%q became %q, bad %v", ids, again, bad)
		}
	})
}

// api returns a client of handler that is patient for a short time only.
func api(t *testing.T, handler http.Handler) *workshop.API {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	patience := transport.Patience{Retries: 3, Wait: time.Millisecond, MaxWait: 2 * time.Second}
	return &workshop.API{Base: base, Client: transport.Client(transport.APIClient(), patience), Pace: &transport.Pacer{}}
}

// recorded serves a fixture for every call.
func recorded(t *testing.T, name string) http.Handler {
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) })
}

func TestItemFixtures(t *testing.T) {
	const cdn = "https://cdn.steamusercontent.com/ugc/20933049964165418/8D368037AA0644B4301DC14E394C13C655E46FD0/"
	for name, want := range map[string][]string{
		"details.ok.json":                  {"3434972877 available 20933049964165418 36022455 " + cdn},
		"details.mixed.json":               {"3434972877 available 20933049964165418 36022455 " + cdn, "222 removed  0 ", "2517303243 private  0 "},
		"details.no_file_url.json":         {"3999999001 available 7777777777777777777 104857600 "},
		"details.file_url_is_preview.json": {"3999999002 available 222 311296 "},
		"details.other_game.json":          {"104691717 other-game 20933049964165418 36022455 "},
		"details.int_size_old.json":        {"698857882 available 1234567890123456789 27355052 http://cloud-3.steamusercontent.com/ugc/1234567890123456789/0123456789ABCDEF0123456789ABCDEF01234567/"},
		"details.service_style.json":       {"3434972877 available 20933049964165418 36022455 " + cdn},
	} {
		t.Run(name, func(t *testing.T) {
			var ids, got []string
			for _, line := range want {
				ids = append(ids, strings.Fields(line)[0])
			}
			err := api(t, recorded(t, name)).Items(t.Context(), ids, func(item workshop.Item) {
				got = append(got, fmt.Sprint(item.ID, " ", item.Standing, " ", item.Content, " ", item.Size, " ", item.URL))
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCollectionFixtures(t *testing.T) {
	for name, want := range map[string]string{
		"collection.ok.json":               "map[1101449362:10]",
		"collection.back_to_school.json":   "map[121115793:7]",
		"collection.nested.json":           "map[3900000000:3]",
		"collection.no_children.json":      "map[]",
		"collection.not_a_collection.json": "map[]",
	} {
		found, err := api(t, recorded(t, name)).Collections(t.Context(), []string{"1"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		counts := map[string]int{}
		for id, children := range found {
			counts[id] = len(children)
		}
		if got := fmt.Sprint(counts); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestResolveNestedCyclicAndMixed(t *testing.T) {
	world := standin.World{Collections: []standin.Collection{
		{ID: "100", Children: []string{"1", "200", "2", "100"}},
		{ID: "200", Children: []string{"3", "1", "300", "100"}},
		{ID: "300", Children: []string{"4", "400"}},
		{ID: "400", Children: []string{"5", "500"}},
		{ID: "500", Children: []string{"6"}},
		{ID: "600", NoList: true, Children: []string{"7"}},
	}}
	server := standin.New(world)
	got, err := workshop.Resolve(t.Context(), api(t, server), []string{"9", "100", "2", "600"}, workshop.Known{})
	if err != nil {
		t.Fatal(err)
	}
	if items := strings.Join(got.Items, " "); items != "9 1 3 4 5 2 600" {
		t.Errorf("items %q", items)
	}
	if collections := strings.Join(got.Collections, " "); collections != "100 200 300 400" {
		t.Errorf("collections %q", collections)
	}
	if deep := strings.Join(got.TooDeep, " "); deep != "500" {
		t.Errorf("too deep %q", deep)
	}
	if origin := strings.Join(got.Origin["1"], " "); origin != "100 200" {
		t.Errorf("origin of 1: %q", origin)
	}
	server.ResetStats()
	again, err := workshop.Resolve(t.Context(), api(t, server), []string{"9", "100", "2", "600"},
		workshop.Known{Items: got.Items, Collections: got.Collections})
	if err != nil || cmp.Diff(got, again) != "" {
		t.Errorf("again: %v\n%s", err, cmp.Diff(got, again))
	}
	if calls := server.Stats().APICalls; calls != 1 {
		t.Errorf("%d calls when everything is known, want 1", calls)
	}
}

func TestBatchesOfOneHundredInOrder(t *testing.T) {
	var world standin.World
	var ids []string
	for i := range 250 {
		id := fmt.Sprint(1000 + i)
		ids = append(ids, id)
		if i != 120 {
			world.Items = append(world.Items, standin.Item{ID: id, Title: "t", Data: []byte("x"), NumberSize: i%2 == 0, UnknownItem: i == 130})
		}
	}
	server := standin.New(world)
	var got []string
	var removed int
	if err := api(t, server).Items(t.Context(), ids, func(item workshop.Item) {
		got = append(got, item.ID)
		if item.Standing == workshop.Removed {
			removed++
		}
	}); err != nil {
		t.Fatal(err)
	}
	if stats := server.Stats(); stats.APICalls != 3 || stats.Largest != 100 || !slices.Equal(got, ids) || removed != 2 {
		t.Errorf("%d calls, largest %d, %d items, %d removed", stats.APICalls, stats.Largest, len(got), removed)
	}
}

func TestAPIFaults(t *testing.T) {
	for name, test := range map[string]struct {
		fault standin.APIFault
		want  string // in the error; "" for success after retries
		calls int
	}{
		"two errors, then fine":     {standin.APIFault{Status: 500, Times: 2}, "", 3},
		"429 with Retry-After":      {standin.APIFault{Status: 429, RetryAfter: "0", Times: 1}, "", 2},
		"429 for too long":          {standin.APIFault{Status: 429, RetryAfter: "3600", Times: -1}, "come back later", 1},
		"errors without end":        {standin.APIFault{Status: 502, Times: -1}, "status 502", 4},
		"refused":                   {standin.APIFault{Status: 403, Body: "<html>Forbidden</html>", Times: -1}, "status 403", 1},
		"a page in place of JSON":   {standin.APIFault{Body: "<html>maintenance</html>", Times: -1}, "not JSON", 1},
		"JSON of another form":      {standin.APIFault{Body: `{"response":{"publishedfiledetails":[{"file_size":"x"}]}}`, Times: -1}, "unknown form", 1},
		"redirect to another place": {standin.APIFault{Status: 302, Times: -1}, "status 302", 1},
	} {
		t.Run(name, func(t *testing.T) {
			server := standin.New(standin.World{Items: []standin.Item{{ID: "1", Data: []byte("x")}}})
			server.FailAPI(test.fault)
			err := api(t, server).Items(t.Context(), []string{"1"}, func(workshop.Item) {})
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if err != nil && !errors.Is(err, workshop.ErrAPI) {
				t.Errorf("%v is not an ErrAPI", err)
			}
			if calls := server.Stats().APICalls; calls != test.calls {
				t.Errorf("%d calls, want %d", calls, test.calls)
			}
		})
	}
}

func TestCallEndsWhenItIsCanceled(t *testing.T) {
	server := standin.New(standin.World{})
	server.FailAPI(standin.APIFault{DelayMS: 60_000, Times: -1})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for server.Stats().APICalls == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if err := api(t, server).Items(ctx, []string{"1"}, func(workshop.Item) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestTitlesOfStrangersAreTidied(t *testing.T) {
	server := standin.New(standin.World{Items: []standin.Item{{ID: "1", Title: "a\n\x1b[31mb\u202Ec" + strings.Repeat("x", 300), Data: []byte("x")}}})
	if err := api(t, server).Items(t.Context(), []string{"1"}, func(item workshop.Item) {
		if !strings.HasPrefix(item.Title, "a [31mb cxx") || len([]rune(item.Title)) != 201 {
			t.Errorf("title %q", item.Title)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

func FuzzItemAnswer(f *testing.F) {
	names, err := filepath.Glob("testdata/details*.json")
	if err != nil || len(names) == 0 {
		f.Fatalf("seeds: %v %v", names, err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		items, err := workshop.DecodeItems(data)
		if err != nil {
			return
		}
		for _, item := range items {
			if item.Standing == workshop.Available && !workshop.ValidContent(item.Content) {
				t.Fatalf("content id %q", item.Content)
			}
			if item.Size < 0 || strings.ContainsAny(item.Title, "\n\r\x1b") {
				t.Fatalf("item %+v", item)
			}
		}
	})
}
