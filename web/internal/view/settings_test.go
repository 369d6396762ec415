package view_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/web/internal/view"
)

const schema = `{"type":"object","required":["zeta"],"properties":{
	"zeta":{"type":"string","description":"Comes first."},
	"script":{"type":"string"},
	"count":{"type":"integer"},
	"ratio":{"type":["number","null"]},
	"on":{"type":"boolean"},
	"mode":{"enum":["coop","versus"]},
	"items":{"type":["null","array"],"items":{"type":"string"}},
	"map_pool":{"type":"object"},
	"numbers":{"type":"array","items":{"type":"integer"}}}}`

func TestSettingsFormKeepsTheAuthorsOrder(t *testing.T) {
	values := `{"zeta":"<b>\"","script":"#!/bin/sh\n","count":3,"ratio":0.5,"on":true,"mode":"versus","items":["1","2"],"map_pool":{"a":[1]},"numbers":null}`
	got := view.NewSettingsForm("overlay-x", json.RawMessage(schema), json.RawMessage(values)).Fields
	want := []view.Field{
		{Name: "zeta", Label: "Zeta", Help: "Comes first.", Kind: view.KindText, Value: `<b>"`, Required: true},
		{Name: "script", Label: "Script", Kind: view.KindCode, Value: "#!/bin/sh\n"},
		{Name: "count", Label: "Count", Kind: view.KindNumber, Value: "3"},
		{Name: "ratio", Label: "Ratio", Kind: view.KindNumber, Value: "0.5"},
		{Name: "on", Label: "On", Kind: view.KindBool, Value: "true"},
		{Name: "mode", Label: "Mode", Kind: view.KindChoice, Choices: []string{"", "coop", "versus"}, Value: "versus"},
		{Name: "items", Label: "Items", Kind: view.KindLines, Value: "1\n2"},
		{Name: "map_pool", Label: "Map pool", Kind: view.KindJSON, Value: "{\n  \"a\": [\n    1\n  ]\n}"},
		{Name: "numbers", Label: "Numbers", Kind: view.KindJSON},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSettingsFormOfOddSchemas(t *testing.T) {
	whole := []view.Field{{Label: "Settings", Help: "As JSON.", Kind: view.KindJSON, Value: "{\n  \"a\": 1\n}"}}
	for _, odd := range []string{"", "null", "[]", "{", `{"properties":3}`, `{"properties":{}}`, `{"$ref":"#/x"}`} {
		got := view.NewSettingsForm("x", json.RawMessage(odd), json.RawMessage(`{"a":1}`))
		if diff := cmp.Diff(whole, got.Fields); diff != "" {
			t.Errorf("schema %q: %s", odd, diff)
		}
	}
	none := view.NewSettingsForm("x", json.RawMessage(`{"type":"object","additionalProperties":false}`), nil)
	if len(none.Fields) != 0 {
		t.Errorf("a type without settings has %d", len(none.Fields))
	}
	got := view.NewSettingsForm("x", json.RawMessage(`{"properties":{"a":true,"b":{"type":"string"}}}`), json.RawMessage(`{"b":5}`))
	if len(got.Fields) != 1 || got.Fields[0].Name != "b" || got.Fields[0].Value != "" {
		t.Errorf("a value that does not fit is shown: %+v", got.Fields)
	}
}

// A plugin may send any schema and an agent any settings.
func FuzzSettingsForm(f *testing.F) {
	f.Add(schema, `{"zeta":1}`)
	f.Add(`{"properties":{"":{"type":"string"}}}`, `{"":"x"}`)
	f.Fuzz(func(t *testing.T, schema, settings string) {
		form := view.NewSettingsForm("x", json.RawMessage(schema), json.RawMessage(settings))
		for _, field := range form.Fields {
			if field.Kind == "" {
				t.Errorf("field %q has no kind", field.Name)
			}
		}
	})
}

// A form from a schema says what the schema says: titles, defaults, bounds, and a switch that is on unless switched off.
func TestFormSaysWhatTheSchemaSays(t *testing.T) {
	raw := json.RawMessage(`{"type":"object","required":["mode"],"properties":{
		"depth":{"type":"integer","title":"How deep","description":"Levels.","minimum":1,"maximum":9,"default":3},
		"mode":{"enum":["coop","versus"]},"flavour":{"enum":["a","b"],"default":"b"},
		"keep":{"type":"boolean","default":true},"body":{"type":"string","contentMediaType":"text/x-shellscript"},"name":{"type":"string","maxLength":8}}}`)
	got := view.NewSettingsForm("x", raw, nil).Fields
	want := []view.Field{
		{Name: "depth", Label: "How deep", Help: "Levels.", Kind: view.KindNumber, Default: "3", Min: "1", Max: "9"},
		{Name: "mode", Label: "Mode", Kind: view.KindChoice, Choices: []string{"coop", "versus"}, Required: true},
		{Name: "flavour", Label: "Flavour", Kind: view.KindChoice, Choices: []string{"", "a", "b"}, Default: "b"},
		{Name: "keep", Label: "Keep", Kind: view.KindBool, Default: "true", Value: "true"},
		{Name: "body", Label: "Body", Kind: view.KindCode},
		{Name: "name", Label: "Name", Kind: view.KindText, MaxLen: 8},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What has properties of its own becomes fields, and texts by name become lines: people write no JSON.
func TestFormTakesObjectsApart(t *testing.T) {
	raw := json.RawMessage(`{"type":"object","properties":{
		"environment":{"type":"object","description":"variables","examples":[{"SITE":"https://x","A":"1"}],"additionalProperties":{"type":"string"}},
		"limits":{"type":"object","description":"tighter limits","default":{"tasks":64},"additionalProperties":false,"properties":{
			"memory_mib":{"type":"integer","description":"memory","minimum":0},"tasks":{"type":"integer"}}},
		"open":{"type":"object","properties":{"a":{"type":"string"}}}}}`)
	got := view.NewSettingsForm("x", raw, json.RawMessage(`{"environment":{"B":"2=2","A":""},"limits":{"memory_mib":512},"open":{"a":"x","b":1}}`)).Fields
	want := []view.Field{
		{Name: "environment", Label: "Environment", Help: "variables", Kind: view.KindPairs, Value: "A=\nB=2=2", Example: "A=1\nSITE=https://x"},
		{Name: "limits", Inner: "memory_mib", Group: "Limits", About: "Tighter limits.", Label: "Memory (MiB)", Help: "memory", Kind: view.KindNumber, Value: "512", Min: "0"},
		{Name: "limits", Inner: "tasks", Group: "Limits", Label: "Tasks", Kind: view.KindNumber, Default: "64"},
		{Name: "open", Label: "Open", Kind: view.KindJSON, Value: "{\n  \"a\": \"x\",\n  \"b\": 1\n}"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got[1].ID() != "set.limits.memory_mib" || got[1].Pointer() != "settings/limits/memory_mib" || got[0].Pointer() != "settings/environment" {
		t.Errorf("%s %s %s", got[1].ID(), got[1].Pointer(), got[0].Pointer())
	}
}

// Lines would lose what does not fit into them, so that is shown as it is.
func TestPairsThatDoNotFitLines(t *testing.T) {
	raw := json.RawMessage(`{"properties":{"env":{"type":"object","additionalProperties":{"type":"string"}}}}`)
	for _, value := range []string{`{"A":"one\ntwo"}`, `{"A=B":"1"}`, `{"A":" 1"}`, `{"":"1"}`, `{"A":1}`, `[]`, `{"{":"}"}`} {
		got := view.NewSettingsForm("x", raw, json.RawMessage(`{"env":`+value+`}`)).Fields
		if len(got) != 1 || got[0].Kind != view.KindJSON || got[0].Value == "" {
			t.Errorf("%s is shown as %+v", value, got)
		}
	}
}
