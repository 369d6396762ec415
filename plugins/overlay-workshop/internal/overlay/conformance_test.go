package overlay_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/overlay"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/standin"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/sdktest"
)

// buildPlugin compiles the plugin's binary.
func buildPlugin(t testing.TB) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "overlay-workshop")
	command := exec.Command("go", "build", "-o", binary, "../..")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	return binary
}

func TestConformance(t *testing.T) {
	endless := standin.Item{ID: "3", Title: "Endless", Data: standin.Pack(standin.Filler(10 << 20)), Fault: standin.Fault{Rate: 10_000}}
	server := httptest.NewServer(standin.New(standin.World{
		Items:       []standin.Item{itemOf("1", "a"), itemOf("2", "b"), endless},
		Collections: []standin.Collection{{ID: "9", Children: []string{"1", "2"}}},
	}))
	t.Cleanup(server.Close)
	sdktest.RunBuilder(t, sdktest.BuilderSpec{
		Subject: sdktest.Subject{
			New:      func(string) sdk.Plugin { return overlay.New() },
			Command:  &sdktest.Command{Path: buildPlugin(t)},
			Settings: func(string) json.RawMessage { return settings(server.URL, nil) },
		},
		Overlay: json.RawMessage(`{"items":["9"]}`),
		Changed: json.RawMessage(`{"items":["2"]}`),
		Endless: json.RawMessage(`{"items":["1","3"]}`),
	})
}
