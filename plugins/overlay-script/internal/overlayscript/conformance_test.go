package overlayscript_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-script/internal/overlayscript"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/sdktest"
)

func overlay(t *testing.T, settings overlayscript.OverlaySettings) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"script": settings.Script, "environment": nonNil(settings.Environment), "secrets": append([]string{}, settings.Secrets...),
		"tools": append([]string{}, settings.Tools...), "network": settings.Network, "limits": settings.Limits,
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func nonNil(values map[string]string) map[string]string {
	if values == nil {
		return map[string]string{}
	}
	return values
}

func TestConformance(t *testing.T) {
	path := binary(t)
	if !asScriptUser(t, "LEFT4ME_TEST_BINARY="+path) {
		return
	}
	script := func(text string) json.RawMessage {
		return overlay(t, overlayscript.OverlaySettings{Script: "#!/bin/bash\nset -e\n" + text})
	}
	sdktest.RunBuilder(t, sdktest.BuilderSpec{
		Subject: sdktest.Subject{
			New:      func(string) sdk.Plugin { return overlayscript.New() },
			Command:  &sdktest.Command{Path: path},
			Settings: func(string) json.RawMessage { return json.RawMessage(os.Getenv("LEFT4ME_TEST_SETTINGS")) },
		},
		Overlay: script("mkdir -p addons; echo first >addons/file; echo built\n"),
		Changed: script("mkdir -p addons; echo second >addons/file; seq 20000\n"),
		Endless: script("echo begun; sleep 3600\n"),
	})
}
