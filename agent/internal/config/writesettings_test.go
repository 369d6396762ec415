package config_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/config"
)

// TestSettingsAreReadAsTheyAreWritten writes documents as HCL and reads them back with the configuration.
func TestSettingsAreReadAsTheyAreWritten(t *testing.T) {
	for _, document := range []string{
		`{}`,
		`{"text":"a \"quoted\" ${word} %{if}","list":["a",1,true],"off":false}`,
		`{"limits":{"seconds":60,"deep":{"er":1.5}},"hosts":{"a.example":"192.0.2.1"},"none":{}}`,
	} {
		block, err := config.WriteSettings(json.RawMessage(document))
		if err != nil {
			t.Fatal(err)
		}
		file := "plugin \"motd\" {\n kind = \"builder\"\n launch {\n mode = \"exec\"\n command = [\"/opt/x\"]\n }\n" + block + "}\n"
		read, err := config.Parse("agent.hcl", []byte(file))
		if err != nil {
			t.Fatalf("%v\n%s", err, file)
		}
		var want, got any
		if json.Unmarshal([]byte(document), &want) != nil || json.Unmarshal(read.Plugins[0].Settings, &got) != nil {
			t.Fatalf("%s", read.Plugins[0].Settings)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s\n%s", diff, block)
		}
	}
	if block, err := config.WriteSettings(json.RawMessage(`{"limits":{"seconds":60}}`)); err != nil || !strings.Contains(block, "limits {") {
		t.Errorf("%s, %v", block, err)
	}
	for _, document := range []string{`5`, `{"a b":1}`, `{`} {
		if block, err := config.WriteSettings(json.RawMessage(document)); err == nil {
			t.Errorf("%s was written: %s", document, block)
		}
	}
}
