package sdktest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/left4me/left4me/sdk"
)

// spoiled is a settings document made wrong in one way.
type spoiled struct {
	what     string
	settings json.RawMessage
	pointer  string // where the diagnostic must point
}

// spoil returns documents that do not fit schema, each made from the good one.
func spoil(t T, schema, good json.RawMessage) []spoiled {
	t.Helper()
	var shape struct {
		Required   []string
		Properties map[string]struct {
			Type any
		}
		AdditionalProperties any
	}
	if err := json.Unmarshal(schema, &shape); err != nil {
		t.Fatalf("the schema is not JSON: %v", err)
	}
	with := func(change func(document map[string]any)) json.RawMessage {
		document := map[string]any{}
		if len(good) > 0 {
			if err := json.Unmarshal(good, &document); err != nil {
				t.Fatalf("the good settings are not a JSON object: %v", err)
			}
		}
		change(document)
		raw, err := json.Marshal(document)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		return raw
	}
	list := []spoiled{{what: "a list in place of an object", settings: json.RawMessage("[1]")}}
	if shape.AdditionalProperties == false {
		list = append(list, spoiled{"an unknown key", with(func(d map[string]any) { d["no/such~key"] = 1 }), "/no~1such~0key"})
	}
	for _, name := range shape.Required {
		list = append(list, spoiled{"a missing key", with(func(d map[string]any) { delete(d, name) }), "/" + escape(name)})
	}
	for _, name := range slices.Sorted(maps.Keys(shape.Properties)) {
		wrong := any("left4me conformance")
		switch shape.Properties[name].Type {
		case "string":
			wrong = map[string]any{"left4me": "conformance"}
		case nil:
			continue
		}
		list = append(list, spoiled{"a wrong type", with(func(d map[string]any) { d[name] = wrong }), "/" + escape(name)})
	}
	return list
}

// judge fails the check unless the plugin explained what is wrong and where.
func (s spoiled) judge(t T, found []sdk.Diagnostic, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s in %s gave an error in place of diagnostics: %v", s.what, s.settings, err)
		return
	}
	for _, d := range found {
		if d.Severity == sdk.SeverityError && d.Pointer == s.pointer {
			if d.Summary == "" || d.Code == "" {
				t.Errorf("%s: the diagnostic lacks a code or a summary: %+v", s.what, d)
			}
			return
		}
	}
	t.Errorf("%s in %s: no error diagnostic points at %q: %+v", s.what, s.settings, s.pointer, found)
}

func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
