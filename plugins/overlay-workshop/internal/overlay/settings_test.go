package overlay_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/overlay"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/standin"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

func TestBadSettings(t *testing.T) {
	r := newRig(t, standin.World{})
	for raw, want := range map[string]string{
		`{}`:                          "schema.required",
		`{"items":[]}`:                "schema.min-items",
		`{"items":[" ","# nothing"]}`: "workshop.empty /items",
		`{"items":["1","abc","https://x.org/?id=1"]}`: "workshop.input /items/1 workshop.input /items/2",
		`{"items":["1"],"exclude":["x"]}`:             "workshop.input /exclude/0",
		`{"items":["1"],"pins":{"a/b":"1"}}`:          "workshop.pin /pins/a~1b",
		`{"items":["1"],"pins":{"1":"../x"}}`:         "workshop.pin /pins/1",
		`{"items":["1"],"colour":"red"}`:              "schema.unknown",
	} {
		found, err := r.builder.Validate(t.Context(), json.RawMessage(raw))
		if err != nil {
			t.Errorf("%s: %v", raw, err)
		}
		var got []string
		for _, d := range found {
			got = append(got, d.Code)
			if strings.HasPrefix(d.Code, "workshop.") {
				got = append(got, d.Pointer)
			}
		}
		if !strings.HasPrefix(strings.Join(got, " "), want) && !strings.HasPrefix(want, "schema.") || len(found) == 0 {
			t.Errorf("%s: %v, want %s", raw, got, want)
		}
	}
}

func TestBadPluginSettings(t *testing.T) {
	r := newRig(t, standin.World{})
	for raw, pointer := range map[string]string{
		`{"api_url":"http://api.steampowered.com"}`: "/api_url",
		`{"api_url":"http://127.0.0.1:1"}`:          "/api_url",
		`{"cache_dir":"relative"}`:                  "/cache_dir",
		`{"cache_dir":"/proc/nope"}`:                "/cache_dir",
		`{"retry_wait":"soon"}`:                     "/retry_wait",
		`{"api_interval":"-1s"}`:                    "/api_interval",
		`{"parallel_downloads":0}`:                  "/parallel_downloads",
		`{"parallel_downloads":1000}`:               "/parallel_downloads",
		`{"unknown":1}`:                             "",
	} {
		found, err := r.base.Configure(t.Context(), sdk.Settings{JSON: json.RawMessage(raw), CacheDir: r.cache})
		if err != nil || !sdk.HasErrors(found) || pointer != "" && found[0].Pointer != pointer {
			t.Errorf("%s: %+v, %v", raw, found, err)
		}
	}
	// The old settings stay in force.
	r.steam.PutItem(itemOf("1", "a"))
	r.must(list("1"))
}

func TestPlanAgreesWithBuild(t *testing.T) {
	r := newRig(t, standin.World{Items: []standin.Item{itemOf("1", "a"), itemOf("2", "b"), {ID: "3", Result: 9}}})
	plan := func(want overlay.Settings) builder.Plan {
		raw, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		out, err := r.builder.Plan(t.Context(), builder.PlanRequest{OverlayID: "o1", Settings: raw, PreviousAnnotations: r.result.Annotations})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	before := plan(list("1", "2"))
	if before.EstimatedBytes != uint64(len(packOf("a"))+len(packOf("b"))) {
		t.Errorf("plan %+v", before)
	}
	r.must(list("1", "2"))
	after := plan(list("1", "2"))
	if before.CacheKey == "" || before.CacheKey != r.result.CacheKey || after.EstimatedBytes != 0 || !strings.Contains(strings.Join(after.Summary, " "), "Nothing changed") {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if uncertain := plan(list("1", "3")); uncertain.CacheKey != "" || !strings.Contains(strings.Join(uncertain.Summary, " "), "no longer in the Workshop") {
		t.Errorf("uncertain plan %+v", uncertain)
	}
}
