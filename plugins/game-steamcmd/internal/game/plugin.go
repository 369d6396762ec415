package game

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/left4me/left4me/plugins/game-steamcmd/internal/steamcmd"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// Version of the plugin.
const Version = "0.1.0"

const doc = `Gets the dedicated server of Left 4 Dead 2 from Steam with steamcmd, without an account. It is the source of
the installation, not a type of overlay: name it in the installation block of the agent's configuration.`

// engine is what builds work with. It does not change; a new Configure makes a new one.
type engine struct {
	settings PluginSettings
	times    times
	steamcmd *steamcmd.Client
	web      *http.Client
}

type plugin struct {
	health *sdk.HealthReporter
	mu     sync.Mutex
	engine *engine
}

// New returns the plugin, ready for sdk.Serve.
func New() *builder.Plugin {
	p := &plugin{health: &sdk.HealthReporter{}}
	p.health.Set(sdk.Health{State: sdk.HealthUndetected, Description: "The plugin has no settings yet."})
	return builder.New("game-steamcmd", Version, p.build,
		builder.WithCapabilities(builder.CapabilityIncremental, builder.CapabilityNetwork),
		builder.WithDoc(doc), builder.WithHealth(p.health),
		builder.WithPlan(p.plan),
		builder.WithSchema(func(schema *jsonschema.Schema) { schema.Properties["verify"].Default = []byte("false") }),
		builder.WithPluginSettings(p.configure, refinePlugin),
	)
}

func (p *plugin) configure(_ context.Context, operator sdk.Settings, settings PluginSettings) ([]sdk.Diagnostic, error) {
	times, found := settings.check()
	home := settings.Home
	if home == "" && filepath.IsAbs(operator.CacheDir) {
		home = filepath.Join(operator.CacheDir, "home")
	}
	if home == "" {
		found = append(found, problem("/home", "steamcmd has no home directory.", "Set home to a directory that the plugin's user may write."))
	}
	if sdk.HasErrors(found) {
		return found, nil
	}
	health := sdk.Health{State: sdk.HealthHealthy, Attributes: map[string]string{"steamcmd": settings.Steamcmd, "home": home,
		"app": settings.App, "branch": settings.Branch}}
	if info, err := os.Stat(settings.Steamcmd); err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		health.State, health.Description = sdk.HealthUndetected, fmt.Sprintf("There is no program at %s; the game cannot be updated.", settings.Steamcmd)
		found = append(found, sdk.Diagnostic{Severity: sdk.SeverityWarning, Code: "game.steamcmd", Pointer: "/steamcmd",
			Summary: fmt.Sprintf("There is no program at %s.", settings.Steamcmd), Detail: "Install steamcmd there, or correct the path."})
	}
	fresh := &engine{settings: settings, times: times, web: &http.Client{Timeout: 20 * time.Second},
		steamcmd: &steamcmd.Client{Config: steamcmd.Config{Path: settings.Steamcmd, Home: home, Stall: times.stall}}}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.engine != nil && p.engine.steamcmd.Config == fresh.steamcmd.Config {
		fresh.steamcmd = p.engine.steamcmd // with its lock: a build may still run
	}
	p.engine = fresh
	p.health.Set(health)
	return found, nil
}

func (p *plugin) present() (*engine, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.engine == nil {
		return nil, sdk.Errorf(sdk.CodePrecondition, "The plugin game-steamcmd has no settings yet.").
			WithHint("Look at the plugin's block in the configuration.")
	}
	return p.engine, nil
}
