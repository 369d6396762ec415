package overlay

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/about"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/cache"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/fetch"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/persona"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/preview"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/steamcmd"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/transport"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/workshop"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// Version of the plugin.
const Version = "0.1.0"

const doc = `Makes overlays from Steam Workshop items and collections of Left 4 Dead 2. Each version of an item is
downloaded once, checked, and kept in a cache for all overlays. A build that finds nothing new
downloads nothing. Items that Steam does not hand out are reported and do not stop the rest.`

// itemFetcher downloads items that have no address. steamcmd.Client is one.
type itemFetcher interface {
	Fetch(ctx context.Context, id string, log func(line string)) (*steamcmd.Download, error)
}

// engine is what builds work with: the operator's settings, turned into clients. It does not change; a new
// Configure makes a new one, and builds that run go on with theirs.
type engine struct {
	api      *workshop.API
	fetcher  *fetch.Fetcher
	policy   transport.Policy
	courtesy *transport.Courtesy // of downloads and previews
	cache    *cache.Cache
	limits   cache.Limits
	reserve  int64
	steamcmd itemFetcher   // nil without steamcmd
	slots    chan struct{} // one token for each download that runs

	about    *about.Store
	personas *persona.Client // nil without names
	previews *preview.Client // nil without pictures
	patience time.Duration   // of a build for both
}

// workshopBuilder is the plugin's state.
type workshopBuilder struct {
	health *sdk.HealthReporter

	mu     sync.Mutex
	engine *engine
}

// New returns the plugin, ready for sdk.Serve.
func New() *builder.Plugin {
	w := &workshopBuilder{health: &sdk.HealthReporter{}}
	w.health.Set(sdk.Health{State: sdk.HealthUndetected, Description: "The plugin has no settings yet."})
	return builder.New("overlay-workshop", Version, w.build,
		builder.WithCapabilities(builder.CapabilityIncremental, builder.CapabilityNetwork, builder.CapabilityRefresh),
		builder.WithDoc(doc),
		builder.WithHealth(w.health),
		builder.WithSchema(refineOverlay),
		builder.WithPlan(w.plan),
		builder.WithValidate(func(_ context.Context, settings Settings) []sdk.Diagnostic {
			_, found := settings.normalise()
			return found
		}),
		builder.WithPluginSettings(w.configure, refinePlugin),
		builder.WithDescriber(w),
	)
}

// configure checks new settings and makes an engine of them.
func (w *workshopBuilder) configure(_ context.Context, operator sdk.Settings, settings PluginSettings) ([]sdk.Diagnostic, error) {
	times, found := settings.parse()
	base, err := transport.APIAddress(settings.APIURL, settings.AllowLoopback)
	if err != nil {
		found = append(found, problem("workshop.api-url", "/api_url", "The address of the Steam Web API cannot be used: "+err.Error()+".",
			"Use an https address. For a stand-in on this host, set allow_loopback."))
	}
	var profiles *url.URL
	if err == nil {
		if profiles, err = settings.profiles(base); err != nil {
			found = append(found, problem("workshop.profile-url", "/profile_url", "The address of the profile pages cannot be used: "+err.Error()+".",
				"Use an https address, or leave it out."))
		}
	}
	dir := settings.CacheDir
	if dir == "" {
		dir = operator.CacheDir
	}
	if !filepath.IsAbs(dir) {
		found = append(found, problem("workshop.cache", "/cache_dir", fmt.Sprintf("The cache directory %q is not an absolute path.", dir),
			"Set cache_dir to a directory that the plugin's user may write."))
	}
	if sdk.HasErrors(found) {
		return found, nil
	}
	store, known, err := w.openCache(dir)
	if err != nil {
		return append(found, problem("workshop.cache", "/cache_dir", "The cache cannot be opened: "+err.Error()+".",
			"Give the directory to the plugin's user, or set cache_dir to another one.")), nil
	}
	fresh := newEngine(settings, times, base, store)
	fresh.about = known
	fresh.ask(settings, times, profiles)
	health := sdk.Health{State: sdk.HealthHealthy, Attributes: map[string]string{"api": base.String(), "cache": dir, "steamcmd": "none"}}
	if settings.Steamcmd != "" {
		health.Attributes["steamcmd"] = settings.Steamcmd
		if info, err := os.Stat(settings.Steamcmd); err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			found = append(found, sdk.Diagnostic{
				Severity: sdk.SeverityWarning, Code: "workshop.steamcmd", Pointer: "/steamcmd",
				Summary: fmt.Sprintf("There is no program at %q; items without a download address cannot be had.", settings.Steamcmd),
				Detail:  "Install steamcmd there, or take the setting out.",
			})
			fresh.steamcmd = nil
			health.Attributes["steamcmd"] = "missing"
		}
	}
	w.mu.Lock()
	w.engine = fresh
	w.mu.Unlock()
	w.health.Set(health)
	return found, nil
}

// openCache opens the cache at dir with what is known about items, or returns the open ones if they are the same: their locks
// are in memory too.
func (w *workshopBuilder) openCache(dir string) (*cache.Cache, *about.Store, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.engine != nil && w.engine.cache.Dir() == dir {
		return w.engine.cache, w.engine.about, nil
	}
	store, err := cache.Open(dir) // builds may still use the old one, which goes with the last of them
	if err != nil {
		return nil, nil, err
	}
	known, err := about.Open(filepath.Join(dir, "about"))
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	return store, known, nil
}

func newEngine(settings PluginSettings, times durations, base *url.URL, store *cache.Cache) *engine {
	patience := transport.Patience{Retries: settings.Attempts - 1, Wait: times.retryWait, MaxWait: times.retryMaxWait}
	policy := transport.Policy{Hosts: settings.DownloadHosts, Loopback: settings.AllowLoopback}
	downloads := patience
	courtesy := &transport.Courtesy{Parallel: settings.ParallelPerHost, Interval: times.hostInterval, Rate: settings.Bandwidth}
	downloads.Retries = min(downloads.Retries, 1) // the fetcher tries again by itself
	out := &engine{
		api: &workshop.API{Base: base, Client: transport.Client(transport.APIClient(), patience), Pace: &transport.Pacer{Interval: times.apiInterval}},
		fetcher: &fetch.Fetcher{
			Client: transport.Client(policy.DownloadClient(courtesy), downloads), UserAgent: workshop.UserAgent,
			Attempts: settings.Attempts, Pause: times.retryWait, Stall: times.stallTimeout,
		},
		policy: policy, cache: store, limits: cache.Limits{Bytes: settings.CacheMaxBytes, Age: times.cacheMaxAge},
		courtesy: courtesy, reserve: settings.ReserveBytes, slots: make(chan struct{}, settings.ParallelDownloads),
	}
	if settings.Steamcmd != "" {
		out.steamcmd = &steamcmd.Client{
			Path: settings.Steamcmd, Dir: filepath.Join(store.Dir(), "steamcmd"), Timeout: times.steamcmdTimeout, App: workshop.GameApp,
		}
	}
	return out
}

// present returns the engine to work with.
func (w *workshopBuilder) present() (*engine, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.engine == nil {
		return nil, sdk.Errorf(sdk.CodePrecondition, "The plugin overlay-workshop has no settings yet.").
			WithHint("Ask the operator to look at the plugin's block in the configuration.")
	}
	return w.engine, nil
}
