package main

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/sdktest"
)

// The test binary is also the plugin that the test starts as a process.
func TestMain(m *testing.M) {
	if os.Getenv("PLUGIN_HELLO") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestConformance(t *testing.T) {
	sdktest.RunBuilder(t, sdktest.BuilderSpec{
		Subject: sdktest.Subject{
			New:     func(string) sdk.Plugin { return hello() },
			Command: &sdktest.Command{Path: os.Args[0], Env: []string{"PLUGIN_HELLO=1", "GORACE=atexit_sleep_ms=0"}},
		},
		Overlay: json.RawMessage(`{"text": "Hello!"}`),
		Changed: json.RawMessage(`{"text": "Bye!"}`),
	})
}
