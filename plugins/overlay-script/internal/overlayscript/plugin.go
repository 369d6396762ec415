package overlayscript

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// Version of the plugin.
const Version = "0.1.0"

const doc = `Runs a bash script in a sandbox. The script finds the overlay's present content in
/overlay, its working directory, and what it leaves there becomes the new revision. It sees a
read-only system, a small /tmp, and reaches the public internet at most.

A script may say in comments at its top what it needs:

    # left4me: title=Maps of cedapug.com
    # left4me: tools=curl,unzip
    # left4me: network=no

Exit code 75 means that the source is not available now and a later run may succeed.`

// scripts is the plugin's state: what the last Configure gave.
type scripts struct {
	health *sdk.HealthReporter

	mu       sync.Mutex
	settings PluginSettings
	sandbox  sandbox.Sandbox
	refused  string // why no script may run; "" when the probe passed
	mending  context.CancelFunc
}

// New returns the plugin, ready for sdk.Serve.
func New() *builder.Plugin {
	s := &scripts{health: &sdk.HealthReporter{}, refused: "The plugin has no settings yet."}
	s.health.Set(sdk.Health{State: sdk.HealthUndetected, Description: s.refused})
	return builder.New("overlay-script", Version, s.build,
		builder.WithCapabilities(builder.CapabilityIncremental, builder.CapabilityNetwork),
		builder.WithDoc(doc),
		builder.WithHealth(s.health),
		builder.WithSchema(refineOverlay),
		builder.WithValidate(func(_ context.Context, settings OverlaySettings) []sdk.Diagnostic { return validate(settings) }),
		builder.WithPluginSettings(s.configure, refinePlugin),
	)
}

// configure takes new settings and tries the sandbox with them. A sandbox that does not hold is no
// reason to refuse the settings: health says so, and builds are refused until it holds.
func (s *scripts) configure(ctx context.Context, operator sdk.Settings, settings PluginSettings) ([]sdk.Diagnostic, error) {
	config, found := settings.read()
	if sdk.HasErrors(found) {
		return found, nil
	}
	s.mu.Lock()
	if s.mending != nil {
		s.mending()
	}
	s.mending = nil
	s.mu.Unlock()
	refused := s.try(ctx, config, operator, settings)
	if refused == "" {
		return found, nil
	}
	mending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.mu.Lock()
	s.mending = cancel
	s.mu.Unlock()
	go s.mend(mending, config, operator, settings)
	return append(found, sdk.Diagnostic{
		Severity: sdk.SeverityWarning, Code: "script.sandbox", Summary: "Scripts cannot run: " + refused,
		Detail: "Builds are refused until the sandbox works. It needs user namespaces, and the unit left4me-sandbox@.service or bubblewrap.",
	}), nil
}

// try opens the sandbox and attacks it. It returns why scripts must not run, or "".
func (s *scripts) try(ctx context.Context, config choice, operator sdk.Settings, settings PluginSettings) (refused string) {
	box, err := config.open()
	if err == nil {
		err = probe(ctx, box, settings, operator.CacheDir)
	}
	if ctx.Err() != nil {
		return "It was stopped."
	}
	if err != nil {
		refused = sentence(err.Error())
	}
	s.mu.Lock()
	s.settings, s.sandbox, s.refused = settings, box, refused
	s.mu.Unlock()
	s.health.Set(health(box, refused))
	return refused
}

// mendEvery is the time from one attempt to the next.
const mendEvery = 15 * time.Second

// mend tries again until the sandbox holds: systemd may have been on the way up or in the middle of an upgrade.
func (s *scripts) mend(ctx context.Context, config choice, operator sdk.Settings, settings PluginSettings) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(mendEvery):
		}
		if s.try(ctx, config, operator, settings) == "" {
			return
		}
	}
}

func health(box sandbox.Sandbox, refused string) sdk.Health {
	out := sdk.Health{State: sdk.HealthHealthy, Attributes: map[string]string{}}
	if box != nil {
		report := box.Report()
		out.Attributes["sandbox"] = report.Kind
		maps.Copy(out.Attributes, report.Facts)
		out.Attributes["egress"] = string(report.Network)
		out.Description = strings.Join(report.Warnings, " ")
	}
	if refused != "" {
		out.State, out.Description = sdk.HealthUnhealthy, refused
		out.Attributes["egress"] = string(sandbox.NetworkNone)
	}
	return out
}

// present returns what a build works with, or why it may not run.
func (s *scripts) present() (PluginSettings, sandbox.Sandbox, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused != "" {
		return PluginSettings{}, nil, sdk.Errorf(sdk.CodeUnavailable, "Scripts cannot run on this host now: %s", s.refused).
			WithHint("Ask the operator to look at the health of the plugin overlay-script.")
	}
	return s.settings, s.sandbox, nil
}

// sentence makes the text of an error one that stands alone.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return "No reason is known."
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}
