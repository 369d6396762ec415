package sdktest_test

import (
	"encoding/json"
	"testing"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/sdktest"
)

func TestMemBuilderConforms(t *testing.T) {
	sdktest.RunBuilder(t, sdktest.BuilderSpec{
		Subject: sdktest.Subject{
			New:     func(string) sdk.Plugin { return sdktest.NewMemBuilder("mem") },
			Command: command("builder"),
		},
		Overlay: json.RawMessage(`{"files": {"cfg/server.cfg": "hostname x", "motd.txt": "hi"},
			"logs": ["one", "two"], "output": "some text", "steps": 20, "warn": "careful"}`),
		Changed: json.RawMessage(`{"files": {"motd.txt": "ho"}}`),
		Endless: json.RawMessage(`{"files": {"motd.txt": "hi"}, "logs": ["begun"], "hang": true}`),
	})
}
