package sdktest

import (
	"encoding/json"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// Build builds one overlay into dir with a plugin that was not configured yet, over real gRPC, and returns what it reported.
// For tests of what a builder makes.
func Build(t T, plugin sdk.Plugin, settings json.RawMessage, dir string) (*Recorder, error) {
	t.Helper()
	conn := Serve(t, plugin)
	Configure(t, conn, sdk.Settings{JSON: json.RawMessage("{}")})
	events := &Recorder{}
	_, err := builder.NewClient(conn).Build(patient(t), builder.Request{
		BuildID: "build-1", OverlayID: "overlay-1", Settings: settings, OutputDir: dir,
	}, events)
	return events, err
}
