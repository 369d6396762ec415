package api_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/api"
)

// Whatever an agent of another version has in its settings goes through a client that does not know it.
func TestUnknownSettingsComeBack(t *testing.T) {
	for _, text := range []string{
		`{}`, `{"map":"c1m1_hotel"}`, `{"limits":{"tasks":5}}`,
		`{"map":"c1m1_hotel","weather":{"rain":[1,2,{"a":null}]},"limits":{"tasks":5,"gpu":"<b>"}}`,
		`{"limits":{"gpu":1}}`, `{"new":""}`,
	} {
		var settings api.BlueprintSettings
		if err := json.Unmarshal([]byte(text), &settings); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(settings)
		if err != nil {
			t.Fatal(err)
		}
		var want, got any
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(again, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	settings := api.BlueprintSettings{Map: "known", Unknown: map[string]json.RawMessage{"map": []byte(`"smuggled"`)}}
	if data, err := json.Marshal(settings); err != nil || string(data) != `{"map":"known"}` {
		t.Errorf("an unknown field goes over a known one: %s, %v", data, err)
	}
	if err := json.Unmarshal([]byte(`{"limits":[]}`), &settings); err == nil {
		t.Error("a list is no object")
	}
}
