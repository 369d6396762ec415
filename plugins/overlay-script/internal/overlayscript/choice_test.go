package overlayscript_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-script/internal/overlayscript"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/sdktest"
)

// configured returns what the plugin says about itself with settings.
func configured(t *testing.T, settings string) (sdk.Health, []sdk.Diagnostic) {
	t.Helper()
	needBubblewrap(t)
	base := sdk.NewBaseClient(sdktest.Serve(t, overlayscript.New()))
	found, err := base.Configure(t.Context(), sdk.Settings{JSON: json.RawMessage(settings)})
	if err != nil {
		t.Fatal(err)
	}
	return healthOf(t, base), found
}

// Where systemd is not PID 1, the choice falls on bubblewrap and says why; who asked for systemd gets no script.
func TestChoiceWithoutSystemd(t *testing.T) {
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		t.Skip("systemd runs here: test/host tests this choice")
	}
	health, _ := configured(t, `{"sandbox": "auto"}`)
	if health.Attributes["sandbox"] != "bubblewrap" || !strings.Contains(health.Attributes["systemd_not_used"], "not the first process") {
		t.Errorf("auto: %+v", health)
	}
	health, found := configured(t, `{"sandbox": "systemd"}`)
	if health.State != sdk.HealthUnhealthy || !strings.Contains(health.Description, "not the first process") || len(found) != 1 {
		t.Errorf("systemd: %+v, %+v", health, found)
	}
	health, _ = configured(t, `{"sandbox": "bubblewrap"}`)
	if health.Attributes["sandbox"] != "bubblewrap" || health.Attributes["systemd_not_used"] != "" {
		t.Errorf("bubblewrap: %+v", health)
	}
}

// What only the relay of bubblewrap keeps is not silently left out.
func TestChoiceWithSettingsOfBubblewrap(t *testing.T) {
	for _, beyond := range []string{`"redirects": {"93.184.216.34:80": "127.0.0.1:8080"}`, `"egress": "open"`} {
		_, found := configured(t, `{"sandbox": "systemd", `+beyond+`}`)
		if !sdk.HasErrors(found) || found[0].Pointer != "/sandbox" {
			t.Errorf("%s with systemd: %+v", beyond, found)
		}
		health, _ := configured(t, `{"sandbox": "auto", `+beyond+`}`)
		if health.Attributes["sandbox"] != "bubblewrap" || !strings.Contains(health.Attributes["systemd_not_used"], "redirects") && !strings.Contains(health.Attributes["systemd_not_used"], "first process") {
			t.Errorf("%s with auto: %+v", beyond, health)
		}
	}
}
