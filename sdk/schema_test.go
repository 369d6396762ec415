package sdk_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/left4me/left4me/sdk"
)

type item struct {
	ID   uint64 `json:"id" jsonschema:"Workshop id"`
	Note string `json:"note,omitempty"`
}

type sample struct {
	Items   []item            `json:"items" jsonschema:"what to fetch"`
	Mode    string            `json:"mode,omitempty"`
	Limit   int               `json:"limit,omitempty"`
	Ratio   float64           `json:"ratio,omitempty"`
	Deep    bool              `json:"deep,omitempty"`
	Env     map[string]string `json:"env,omitempty"`
	Pattern string            `json:"pattern,omitempty"`
}

func refine(s *jsonschema.Schema) {
	s.Properties["mode"].Enum = []any{"copy", "link"}
	s.Properties["mode"].Default = json.RawMessage(`"copy"`)
	s.Properties["limit"].Minimum = jsonschema.Ptr(1.0)
	s.Properties["limit"].Maximum = jsonschema.Ptr(10.0)
	s.Properties["pattern"].Pattern = "^[a-z]+$"
	s.Properties["pattern"].MaxLength = jsonschema.Ptr(5)
	s.Properties["items"].MaxItems = jsonschema.Ptr(2)
}

func newSample(t testing.TB) *sdk.Decoder[sample] {
	t.Helper()
	decoder, err := sdk.NewDecoder[sample](refine)
	if err != nil {
		t.Fatal(err)
	}
	return decoder
}

func TestDecode(t *testing.T) {
	got, found := newSample(t).Decode(json.RawMessage(
		`{"items": [{"id": 18446744073709551615, "note": "big"}], "env": {"A/b": "c"}, "ratio": 1.5}`))
	if found != nil {
		t.Fatalf("refused: %+v", found)
	}
	want := sample{
		Items: []item{{ID: 18446744073709551615, Note: "big"}}, Mode: "copy", Ratio: 1.5,
		Env: map[string]string{"A/b": "c"},
	}
	equal(t, "settings", got, want)
}

func TestSettingsThatDoNotFit(t *testing.T) {
	decoder := newSample(t)
	for name, c := range map[string]struct{ settings, code, pointer, says string }{
		"missing":           {`{}`, "schema.required", "/items", "what to fetch"},
		"nothing":           {``, "schema.required", "/items", "items"},
		"unknown":           {`{"items": [], "a/b~c": 1}`, "schema.unknown", "/a~1b~0c", "limit, mode"},
		"unknown below":     {`{"items": [{"id": 1, "x": 1}]}`, "schema.unknown", "/items/0/x", "id, note"},
		"missing below":     {`{"items": [{"id": 1}, {}]}`, "schema.required", "/items/1/id", "Workshop id"},
		"wrong type":        {`{"items": "x"}`, "schema.type", "/items", "must be a list, not text"},
		"wrong type below":  {`{"items": [{"id": "1"}]}`, "schema.type", "/items/0/id", "a whole number"},
		"fraction":          {`{"items": [], "limit": 1.5}`, "schema.type", "/limit", "a whole number"},
		"negative":          {`{"items": [{"id": -1}]}`, "schema.minimum", "/items/0/id", "at least 0"},
		"not an object":     {`[]`, "schema.type", "", "must be an object"},
		"null":              {`null`, "schema.type", "", "must be an object"},
		"null below":        {`{"items": null}`, "schema.type", "/items", "a list"},
		"enum":              {`{"items": [], "mode": "move"}`, "schema.enum", "/mode", `"copy", "link"`},
		"too small":         {`{"items": [], "limit": 0}`, "schema.minimum", "/limit", "at least 1"},
		"too large":         {`{"items": [], "limit": 11}`, "schema.maximum", "/limit", "at most 10"},
		"pattern":           {`{"items": [], "pattern": "A"}`, "schema.pattern", "/pattern", "^[a-z]+$"},
		"too long":          {`{"items": [], "pattern": "abcdef"}`, "schema.length", "/pattern", "5 characters"},
		"too many":          {`{"items": [{"id":1},{"id":2},{"id":3}]}`, "schema.length", "/items", "2 entries"},
		"value of a map":    {`{"items": [], "env": {"A": 1}}`, "schema.type", "/env/A", "text"},
		"not JSON":          {`{"items": `, "schema.syntax", "", "At byte"},
		"two documents":     {`{"items": []} {}`, "schema.syntax", "", "At byte"},
		"larger than sense": {`{"items": [], "x": "` + strings.Repeat("x", sdk.MaxSettings) + `"}`, "schema.size", "", "bytes"},
	} {
		_, found := decoder.Decode(json.RawMessage(c.settings))
		if len(found) == 0 {
			t.Errorf("%s: accepted", name)
			continue
		}
		d := found[0]
		text := d.Summary + " " + d.Detail
		if d.Code != c.code || d.Pointer != c.pointer || !strings.Contains(text, c.says) || !sdk.HasErrors(found) {
			t.Errorf("%s: got %+v, want %s at %q that says %q", name, d, c.code, c.pointer, c.says)
		}
	}
}

func TestSchemaKeywordsWithoutExplanation(t *testing.T) {
	schema, err := sdk.ParseSchema(json.RawMessage(`{"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if found := schema.Check(json.RawMessage(`{"a": 1}`)); found != nil {
		t.Errorf("good settings refused: %+v", found)
	}
	if found := schema.Check(json.RawMessage(`{"a": 1, "b": 2}`)); len(found) != 1 || found[0].Code != "schema.invalid" {
		t.Errorf("got %+v", found)
	}
}

func TestParseSchemaRefuses(t *testing.T) {
	for _, text := range []string{``, `5`, `{"type": 5}`, `{"$ref": "https://example.com/x"}`, `{"pattern": "("}`} {
		if _, err := sdk.ParseSchema(json.RawMessage(text)); err == nil {
			t.Errorf("accepted the schema %s", text)
		}
	}
}

func FuzzCheck(f *testing.F) {
	decoder := newSample(f)
	f.Add(`{"items": [{"id": 1}], "mode": "copy"}`)
	f.Add(`{"items": [], "env": {"a": "b"}, "limit": 3, "ratio": 1e400}`)
	f.Fuzz(func(t *testing.T, settings string) {
		found := decoder.Schema().Check(json.RawMessage(settings))
		_, again := decoder.Decode(json.RawMessage(settings))
		if len(found) > 0 && len(again) == 0 {
			t.Errorf("Check refused what Decode accepted: %+v", found)
		}
		for _, d := range append(found, again...) {
			if d.Summary == "" || d.Code == "" || !strings.HasPrefix(d.Pointer+"/", "/") {
				t.Errorf("a diagnostic explains nothing: %+v", d)
			}
		}
	})
}
