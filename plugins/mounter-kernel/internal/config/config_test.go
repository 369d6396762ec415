package config_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/config"
)

func number(n int) *int { return &n }

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func TestMergeFileStandsAbove(t *testing.T) {
	file := config.Settings{Root: "/srv/content", Owners: config.Owners{GameUID: number(2)}, Limits: config.Limits{MaxLayers: 64, MaxBytes: 10}}
	asked := config.Settings{Root: "/srv/content/", Owners: config.Owners{GameUID: number(2), StagingUID: number(3)}, Limits: config.Limits{MaxLayers: 500, MaxFiles: 7}}
	got, problems := config.Merge(file, asked)
	want := config.Settings{
		Root: "/srv/content", Owners: config.Owners{GameUID: number(2), StagingUID: number(3)},
		Limits: config.Limits{MaxLayers: 64, MaxBytes: 10, MaxFiles: 7},
	}
	if diff := cmp.Diff(want, got); diff != "" || len(problems) > 0 {
		t.Error(diff, problems)
	}
	asked.Root, asked.Owners.GameUID = "/etc", number(0)
	got, problems = config.Merge(file, asked)
	if got.Root != "/srv/content" || *got.Owners.GameUID != 2 {
		t.Errorf("the agent won: %+v", got)
	}
	var pointers []string
	for _, p := range problems {
		pointers = append(pointers, p.Pointer)
	}
	if diff := cmp.Diff([]string{"/root", "/owners/game_uid"}, pointers); diff != "" {
		t.Error(diff)
	}
}

func TestParseIsStrict(t *testing.T) {
	for _, bad := range []string{`{"rooot":1}`, `{"root":1}`, `[]`, `{} {}`, `{"owners":{"game_uid":"x"}}`, `{"limits":{"max_bytes":-1}}`} {
		if got, err := config.Parse([]byte(bad)); err == nil {
			t.Errorf("%s gave %+v", bad, got)
		}
	}
	for _, empty := range []string{"", " \n", "{}"} {
		if got, err := config.Parse([]byte(empty)); err != nil || got != (config.Settings{}) {
			t.Error(empty, got, err)
		}
	}
}

func TestCheckFindsAll(t *testing.T) {
	s := config.Settings{Root: "here", Owners: config.Owners{GameUID: number(-1)}, Limits: config.Limits{MaxLayers: 501, MaxDepth: 999}}.Filled(1, 1)
	var got []string
	for _, p := range s.Check() {
		got = append(got, p.Pointer)
		if p.Summary == "" || p.Hint == "" {
			t.Errorf("no sentence or next step: %+v", p)
		}
	}
	if diff := cmp.Diff([]string{"/root", "/owners/game_uid", "/limits/max_layers", "/limits"}, got); diff != "" {
		t.Error(diff)
	}
	if p := (config.Settings{Root: "/srv/x"}).Filled(0, 0).Check(); len(p) > 0 {
		t.Error("defaults are refused:", p)
	}
}

func TestReadFileTrustsOnlyItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mounter.json")
	if err := os.WriteFile(path, []byte(`{"root":"/srv/x"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if s, err := config.ReadFile(path); err != nil || s.Root != "/srv/x" {
		t.Error(s, err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := config.ReadFile(path); err == nil || !strings.Contains(err.Error(), "chmod go-w") {
		t.Error("a file that anybody can write was taken:", err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, 12345, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := config.ReadFile(path); err == nil || !strings.Contains(err.Error(), "12345") {
			t.Error("another user's file was taken:", err)
		}
	}
	for _, bad := range []string{t.TempDir(), "/nonexistent/mounter.json"} {
		if _, err := config.ReadFile(bad); err == nil {
			t.Error(bad, "was read")
		}
	}
}

// The schema knows exactly the keys that the program reads.
func TestSchemaMatches(t *testing.T) {
	var schema struct {
		Properties map[string]struct {
			Properties map[string]json.RawMessage `json:"properties"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(config.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	full := config.Settings{Root: "/x", Owners: config.Owners{ReaderGID: number(1)}}.Filled(1, 1)
	data, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		t.Fatal(err)
	}
	got, want := map[string][]string{}, map[string][]string{}
	for key, value := range keys {
		var inner map[string]json.RawMessage
		_ = json.Unmarshal(value, &inner) // root is a string and has none
		got[key] = sorted(inner)
	}
	for key, value := range schema.Properties {
		want[key] = sorted(value.Properties)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"root":"/srv","owners":{"game_uid":1},"limits":{"max_layers":3}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := config.Parse(data)
		if err != nil {
			return
		}
		s = s.Filled(1, 1)
		s.Check()
		merged, _ := config.Merge(config.Settings{Root: "/fixed"}, s)
		if merged.Root != "/fixed" {
			t.Error("the agent's root won")
		}
	})
}
