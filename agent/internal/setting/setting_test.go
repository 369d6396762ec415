package setting_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/setting"
)

const schema = `{"type":"object","required":["url"],"additionalProperties":false,"properties":{
 "url":{"type":"string","description":"where from"},
 "items":{"type":"array","items":{"type":"integer"},"title":"Items"},
 "mode":{"enum":["fast","slow"],"default":"fast"},
 "verbose":{"type":"boolean"},
 "ratio":{"type":"number","minimum":0,"maximum":1},
 "retry":{"type":"object","properties":{"attempts":{"type":"integer","minimum":1,"default":5}},"additionalProperties":false},
 "pins":{"type":"object","additionalProperties":{"type":"string"}},
 "raw":{"type":"object","additionalProperties":true}}}`

func parse(t *testing.T) *setting.Schema {
	t.Helper()
	s, err := setting.Parse(json.RawMessage(schema))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFields(t *testing.T) {
	want := []setting.Field{
		{Name: "url", Type: "text", Required: true, Description: "where from"},
		{Name: "items", Type: "list of whole number", Description: "Items"},
		{Name: "mode", Type: "any", Default: `"fast"`, Choices: []string{"fast", "slow"}},
		{Name: "verbose", Type: "true or false"},
		{Name: "ratio", Type: "number", Bounds: "0 to 1"},
		{Name: "retry.attempts", Type: "whole number", Default: "5", Bounds: "at least 1"},
		{Name: "pins", Type: "object"},
		{Name: "raw", Type: "object"},
	}
	if diff := cmp.Diff(want, parse(t).Fields()); diff != "" {
		t.Error(diff)
	}
}

func TestFieldsOfObjectsAndExamples(t *testing.T) {
	s, err := setting.Parse(json.RawMessage(`{"type":"object","examples":[{"list":["a"],"limits":{"seconds":9}}],"properties":{
 "list":{"type":"array","minItems":1,"items":{"type":"string"}},
 "name":{"type":"string","maxLength":8,"pattern":"^a","examples":["ab","ac"]},
 "limits":{"type":"object","default":{"seconds":5,"bytes":4294967294},"properties":{
  "seconds":{"type":"integer"},"bytes":{"type":"integer","default":7,"maximum":4294967294}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []setting.Field{
		{Name: "list", Type: "list of text", Bounds: "at least 1 entry", Example: `["a"]`},
		{Name: "name", Type: "text", Bounds: "at most 8 characters, must match ^a", Example: `"ab"`},
		{Name: "limits.seconds", Type: "whole number", Default: "5", Example: "9"},
		{Name: "limits.bytes", Type: "whole number", Default: "7", Bounds: "at most 4294967294"},
	}
	if diff := cmp.Diff(want, s.Fields()); diff != "" {
		t.Error(diff)
	}
}

func TestAssign(t *testing.T) {
	for _, c := range []struct{ old, pairs, want string }{
		{``, "url=a=b", `{"url":"a=b"}`},
		{`{"url":"x"}`, "items=1 items=2", `{"items":[1,2],"url":"x"}`},
		{`{"items":[7]}`, "items=1", `{"items":[1]}`},
		{`{}`, "items=[1,2]", `{"items":[1,2]}`},
		{`{"big":12345678901234567890}`, "verbose=true", `{"big":12345678901234567890,"verbose":true}`},
		{`{"retry":{"attempts":1}}`, "retry.attempts=3 mode=slow ratio=0.5", `{"mode":"slow","ratio":0.5,"retry":{"attempts":3}}`},
		{`{"url":"x"}`, "url=", `{}`},
		{`{}`, `pins.a.b=c raw.k={"x":1}`, `{"pins":{"a.b":"c"},"raw":{"k":{"x":1}}}`},
	} {
		got, err := parse(t).Assign(json.RawMessage(c.old), strings.Fields(c.pairs))
		if err != nil || string(got) != c.want {
			t.Errorf("%s with %s: %s, %v, want %s", c.old, c.pairs, got, err, c.want)
		}
	}
}

func TestAssignRefuses(t *testing.T) {
	for _, pair := range []string{"url", "=x", "nothing=1", "retry.nothing=1", "url.x=1", "items=a", "mode=medium", "verbose=yes", "ratio=1e", "retry=x"} {
		if got, err := parse(t).Assign(nil, []string{pair}); err == nil {
			t.Errorf("%s: %s", pair, got)
		}
	}
	if _, err := parse(t).Assign(json.RawMessage("[1]"), nil); err == nil {
		t.Error("a list is no object")
	}
}

func TestComplete(t *testing.T) {
	texts := func(begun string) (out []string) {
		for _, c := range parse(t).Complete(begun) {
			out = append(out, c.Text)
		}
		return out
	}
	for begun, want := range map[string][]string{
		"r": {"ratio=", "retry.attempts=", "raw="}, "mode=": {"mode=fast", "mode=slow"}, "verbose=t": {"verbose=true"}, "url=": nil,
	} {
		if diff := cmp.Diff(want, texts(begun)); diff != "" {
			t.Errorf("%s: %s", begun, diff)
		}
	}
}

// FuzzAssign: what comes out is JSON, whatever schema, document and pair go in.
func FuzzAssign(f *testing.F) {
	f.Add(schema, `{"url":"x"}`, "items=1")
	f.Add(`{"properties":{"a":{"properties":{"b":{}}}}}`, `{"a":5}`, "a.b=1")
	f.Add(`{"properties":{"a":null,"b":true,"c":{"items":false,"type":"array"}}}`, `{}`, "c=1")
	f.Add(`{"type":"object","additionalProperties":{}}`, `null`, "a.b=[")
	f.Fuzz(func(t *testing.T, schema, document, pair string) {
		s, err := setting.Parse(json.RawMessage(schema))
		if err != nil {
			return
		}
		s.Fields()
		s.Complete(pair)
		if out, err := s.Assign(json.RawMessage(document), []string{pair}); err == nil && !json.Valid(out) {
			t.Errorf("%q", out)
		}
	})
}
