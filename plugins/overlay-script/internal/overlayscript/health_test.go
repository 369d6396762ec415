package overlayscript_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-script/internal/overlayscript"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

func TestConfigureRefusesBadSettings(t *testing.T) {
	conn := sdktest.Serve(t, overlayscript.New())
	base := sdk.NewBaseClient(conn)
	for pointer, settings := range map[string]string{
		"/ports":            `{"ports": [70000]}`,
		"/resolvers":        `{"resolvers": ["dns.example"]}`,
		"/denied_networks":  `{"denied_networks": ["10.0.0.0/99"]}`,
		"/hosts":            `{"hosts": {"a b": "1.1.1.1"}}`,
		"/redirects":        `{"redirects": {"127.0.0.1:80": "127.0.0.1:81"}}`,
		"/certificate_file": `{"certificate_file": "/nonexistent.pem"}`,
		"/environment":      `{"environment": {"a b": "c"}}`,
		"/egress":           `{"egress": "everything"}`,
		"/sandbox":          `{"sandbox": "chroot"}`,
		"":                  `{"unknown": 1}`,
	} {
		found, err := base.Configure(t.Context(), sdk.Settings{JSON: json.RawMessage(settings)})
		if err != nil || !sdk.HasErrors(found) {
			t.Errorf("%s: %+v, %v", settings, found, err)
			continue
		}
		if pointer != "" && found[0].Pointer != pointer {
			t.Errorf("%s points at %q: %s", settings, found[0].Pointer, found[0].Summary)
		}
	}
}

// Where the sandbox does not hold, no script runs, and health says why.
func TestFailsClosed(t *testing.T) {
	fake := filepath.Join(t.TempDir(), "bwrap")
	leaky := `#!/bin/bash
[ "$1" = --version ] && { echo bubblewrap 0.0; exit 0; }
# Ignores everything it should do and runs the probe on the host.
args=$(tr '\0' '\n' < /proc/self/fd/"$2")
export PORT=$(sed -n '/^PORT$/{n;p}' <<<"$args") CANARY=$(sed -n '/^CANARY$/{n;p}' <<<"$args") OPEN=no PLUGIN=1
fd=$(grep -B1 -x /run/left4me/script <<<"$args" | head -n1)
cd "$(mktemp -d)"
exec /bin/bash /proc/self/fd/"$fd"
`
	if err := os.WriteFile(fake, []byte(leaky), 0o755); err != nil {
		t.Fatal(err)
	}
	_ = os.Chmod(filepath.Dir(filepath.Dir(fake)), 0o711)
	for name, c := range map[string]struct{ path, want string }{
		"leaky":   {fake, "The sandbox does not hold:"},
		"missing": {"/nonexistent/bwrap", "Bubblewrap is not installed"},
		"broken":  {"/bin/false", "Run /bin/false"},
	} {
		t.Run(name, func(t *testing.T) {
			conn := sdktest.Serve(t, overlayscript.New())
			base, b := sdk.NewBaseClient(conn), builder.NewClient(conn)
			settings, err := json.Marshal(map[string]string{"bubblewrap": c.path})
			if err != nil {
				t.Fatal(err)
			}
			found, err := base.Configure(t.Context(), sdk.Settings{JSON: settings})
			if err != nil || sdk.HasErrors(found) || len(found) != 1 {
				t.Errorf("%+v, %v", found, err)
			}
			health := healthOf(t, base)
			if health.State != sdk.HealthUnhealthy || !strings.Contains(health.Description, c.want) {
				t.Errorf("%+v", health)
			}
			s := &site{t, base, b, newTree(t)}
			got := s.build(overlayscript.OverlaySettings{Script: "touch ran"})
			if got.fault == nil || got.fault.Code != sdk.CodeUnavailable || !strings.Contains(got.fault.Message, c.want) {
				t.Errorf("%v", got.err)
			}
			if _, err := os.Stat(filepath.Join(s.tree, "ran")); err == nil {
				t.Error("the script ran")
			}
		})
	}
}

func TestHealthSaysWhatTheHostGives(t *testing.T) {
	s := newSite(t, `{"cgroup": "none"}`)
	health := healthOf(t, s.base)
	if health.State != sdk.HealthHealthy || health.Attributes["egress"] != "filtered" || health.Attributes["cgroup"] != "no" ||
		!strings.Contains(health.Description, `Delegate a cgroup to the plugin`) {
		t.Errorf("%+v", health)
	}
	if got := s.build(overlayscript.OverlaySettings{Script: "true"}); !strings.Contains(strings.Join(got.recorder.Logs(), "\n"), "not by a cgroup") {
		t.Errorf("the job's log does not say it: %q", got.recorder.Logs())
	}
}

func healthOf(t *testing.T, base sdk.Base) sdk.Health {
	t.Helper()
	var health sdk.Health
	enough := errors.New("enough")
	if err := base.WatchHealth(t.Context(), func(h sdk.Health) error { health = h; return enough }); !errors.Is(err, enough) {
		t.Fatal(err)
	}
	return health
}
