package overlayscript

import (
	"context"
	"maps"
	"strings"
	"sync"

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
	box, err := config.open()
	refused := ""
	if err == nil {
		err = probe(ctx, box, settings, operator.CacheDir)
	}
	if err != nil {
		refused = sentence(err.Error())
		found = append(found, sdk.Diagnostic{
			Severity: sdk.SeverityWarning, Code: "script.sandbox", Summary: "Scripts cannot run: " + refused,
			Detail: "Builds are refused until the sandbox works. It needs user namespaces, and the unit left4me-sandbox@.service or bubblewrap.",
		})
	}
	s.mu.Lock()
	s.settings, s.sandbox, s.refused = settings, box, refused
	s.mu.Unlock()
	s.health.Set(health(box, refused))
	return found, nil
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
