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
	if os.Getenv("HELLO_AS_PLUGIN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestConformance holds the plugin against everything that the protocol promises.
func TestConformance(t *testing.T) {
	sdktest.RunBuilder(t, sdktest.BuilderSpec{
		Subject: sdktest.Subject{
			New:     func(string) sdk.Plugin { return newPlugin() },
			Command: &sdktest.Command{Path: os.Args[0], Env: []string{"HELLO_AS_PLUGIN=1", "GORACE=atexit_sleep_ms=0"}},
		},
		Overlay: json.RawMessage(`{"text": "Hello!"}`),
		Changed: json.RawMessage(`{"text": "Bye!"}`),
	})
}

// TestContent holds what is built against what you mean.
func TestContent(t *testing.T) {
	dir := t.TempDir()
	if _, err := sdktest.Build(t, newPlugin(), json.RawMessage(`{"text": "Hello!"}`), dir); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(dir + "/motd.txt"); err != nil || string(text) != "Hello!" {
		t.Errorf("motd.txt says %q (%v)", text, err)
	}
}
