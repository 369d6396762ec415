package form_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/left4me/left4me/web/internal/form"
	"github.com/left4me/left4me/web/internal/view"
)

const schema = `{"properties":{"text":{"type":"string"},"script":{"type":"string"},"count":{"type":"integer"},"on":{"type":"boolean"},
	"mode":{"enum":["coop"]},"items":{"type":"array","items":{"type":"string"}},"pool":{"type":"object"},
	"env":{"type":"object","additionalProperties":{"type":"string"}},
	"limits":{"type":"object","additionalProperties":false,"properties":{"tasks":{"type":"integer"}}}}}`

func settings(values map[string]string) (string, *view.Problem) {
	fields := view.NewSettingsForm("x", json.RawMessage(schema), nil)
	raw, problem := form.Settings(fields, func(name string) string { return values[name] })
	return string(raw), problem
}

func TestSettings(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values map[string]string
		want   string
	}{
		{"nothing", nil, `{}`},
		{"blank", map[string]string{"set.text": "  ", "set.items": "\r\n \r\n"}, `{}`},
		{"all", map[string]string{"set.text": "<&> ü", "set.script": "#!/bin/sh\r\necho\r\n", "set.count": "4", "set.on": "1",
			"set.mode": "coop", "set.items": " 1 \r\n\r\n2", "set.pool": `{"a":[true]}`},
			`{"count":4,"items":["1","2"],"mode":"coop","on":true,"pool":{"a":[true]},"script":"#!/bin/sh\necho\n","text":"\u003c\u0026\u003e ü"}`},
		{"pairs", map[string]string{"set.env": " A = 1 \r\n\r\nB=x=y\nC="}, `{"env":{"A":"1","B":"x=y","C":""}}`},
		{"pairs as JSON", map[string]string{"set.env": `{"A": "one\ntwo"}`, "set.limits.tasks": "4"},
			`{"env":{"A":"one\ntwo"},"limits":{"tasks":4}}`},
		{"unknown", map[string]string{"set.other": "x", "text": "x"}, `{}`},
	} {
		got, problem := settings(tt.values)
		if problem != nil || got != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.name, got, problem, tt.want)
		}
	}
}

func TestSettingsAsOneDocument(t *testing.T) {
	fields := view.NewSettingsForm("x", json.RawMessage(`{"$ref":"#/x"}`), nil)
	raw, problem := form.Settings(fields, func(string) string { return `{"a": [1]}` })
	if problem != nil || string(raw) != `{"a": [1]}` {
		t.Errorf("%s, %v", raw, problem)
	}
}

func TestSettingsThatCannotBeRead(t *testing.T) {
	for name, text := range map[string]string{"count": "four", "pool": "{", "env": "no pair", "limits.tasks": "many"} {
		got, problem := settings(map[string]string{"set." + name: text, "set.text": "kept"})
		if problem == nil || problem.Field != "settings/"+strings.Replace(name, ".", "/", 1) || problem.Hint == "" {
			t.Errorf("%s: problem %+v", name, problem)
		}
		if got != `{"text":"kept"}` {
			t.Errorf("%s: the rest is %s", name, got)
		}
	}
}

// Whatever people type gives JSON or a problem.
func FuzzSettings(f *testing.F) {
	f.Add("4", `{"a":1}`, "text")
	f.Add("04", "nul", "\xff")
	f.Fuzz(func(t *testing.T, count, pool, text string) {
		got, problem := settings(map[string]string{"set.env": pool, "set.count": count, "set.pool": pool, "set.text": text, "set.items": text})
		if problem == nil && !json.Valid([]byte(got)) {
			t.Errorf("%q is no JSON", got)
		}
	})
}

// A switch that is on by default can be switched off.
func TestSwitchedOff(t *testing.T) {
	fields := view.NewSettingsForm("x", json.RawMessage(`{"type":"object","properties":{"keep":{"type":"boolean","default":true}}}`), nil)
	got, problem := form.Settings(fields, func(string) string { return "" })
	if problem != nil || string(got) != `{"keep":false}` {
		t.Errorf("%s, %v", got, problem)
	}
}

// A name that stands twice has no value that people would expect.
func TestPairsHaveOneValueEach(t *testing.T) {
	got, problem := settings(map[string]string{"set.env": "A=1\nB=2\nA=3"})
	if problem == nil || problem.Field != "settings/env" || !strings.Contains(problem.Message, `"A" twice`) || got != `{}` {
		t.Errorf("%s, %+v", got, problem)
	}
}
