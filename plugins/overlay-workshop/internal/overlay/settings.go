package overlay

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/transport"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/workshop"
	"github.com/left4me/left4me/sdk"
)

// Settings are those of one overlay.
type Settings struct {
	Items   []string          `json:"items" jsonschema:"Workshop items and collections: ids or addresses, also several in one entry"`
	Exclude []string          `json:"exclude,omitempty" jsonschema:"ids or addresses of items to leave out of the collections"`
	Pins    map[string]string `json:"pins,omitempty" jsonschema:"item id to the id of the content it stays at"`
}

// PluginSettings are the operator's.
type PluginSettings struct {
	APIURL            string   `json:"api_url,omitempty" jsonschema:"address of the Steam Web API"`
	DownloadHosts     []string `json:"download_hosts,omitempty" jsonschema:"hosts that content may come from: names, or suffixes with a leading dot"`
	AllowLoopback     bool     `json:"allow_loopback,omitempty" jsonschema:"allow http and loopback addresses, for a stand-in on this host"`
	CacheDir          string   `json:"cache_dir,omitempty" jsonschema:"directory of the download cache; may be on another file system"`
	CacheMaxBytes     int64    `json:"cache_max_bytes,omitempty" jsonschema:"largest size of the cache after a build; 0 means no limit"`
	CacheMaxAge       string   `json:"cache_max_age,omitempty" jsonschema:"how long unused content stays in the cache, such as 720h; 0s means for ever"`
	ReserveBytes      int64    `json:"reserve_bytes,omitempty" jsonschema:"free space that builds leave on each file system"`
	ParallelDownloads int      `json:"parallel_downloads,omitempty" jsonschema:"downloads at a time, over all builds"`
	ParallelPerHost   int      `json:"parallel_per_host,omitempty" jsonschema:"downloads at a time from one host"`
	HostInterval      string   `json:"host_interval,omitempty" jsonschema:"least time between two requests to one download host"`
	Bandwidth         int64    `json:"bandwidth,omitempty" jsonschema:"bytes a second that all downloads together may take; 0 means no limit"`
	APIInterval       string   `json:"api_interval,omitempty" jsonschema:"least time between two calls of the Web API"`
	Attempts          int      `json:"attempts,omitempty" jsonschema:"how often a download or call is tried before it counts as failed"`
	RetryWait         string   `json:"retry_wait,omitempty" jsonschema:"wait before the first retry; it doubles each time"`
	RetryMaxWait      string   `json:"retry_max_wait,omitempty" jsonschema:"longest wait between retries, also if Steam asks for more"`
	StallTimeout      string   `json:"stall_timeout,omitempty" jsonschema:"how long a download may stand still"`
	AuthorNames       bool     `json:"author_names,omitempty" jsonschema:"look up the names of authors on their public profile pages"`
	Previews          bool     `json:"previews,omitempty" jsonschema:"fetch preview pictures and keep thumbnails of them"`
	ProfileURL        string   `json:"profile_url,omitempty" jsonschema:"address of the site with profile pages; empty is Steam's, or api_url if that is not Steam's"`
	ProfileInterval   string   `json:"profile_interval,omitempty" jsonschema:"least time between two profile pages"`
	DescribeWait      string   `json:"describe_wait,omitempty" jsonschema:"how long a build waits at its end for names and pictures that are still on their way; the next build goes on with them"`
	Steamcmd          string   `json:"steamcmd,omitempty" jsonschema:"path of steamcmd.sh, for items without a download address"`
	SteamcmdTimeout   string   `json:"steamcmd_timeout,omitempty" jsonschema:"time limit of one item with steamcmd"`
}

// defaults of the plugin settings, as they stand in the schema.
func defaults() map[string]any {
	return map[string]any{
		"api_url": "https://" + steamAPI, "download_hosts": transport.SteamHosts(),
		"cache_max_bytes": int64(50 << 30), "cache_max_age": "720h", "reserve_bytes": int64(512 << 20),
		"parallel_downloads": 4, "parallel_per_host": 4, "host_interval": "50ms", "bandwidth": int64(0), "api_interval": "200ms", "attempts": 5, "retry_wait": "1s", "retry_max_wait": "2m",
		"stall_timeout": "1m", "steamcmd_timeout": "30m",
		"author_names": true, "previews": true, "profile_interval": "500ms", "describe_wait": "20s", "allow_loopback": false,
	}
}

// examples of the plugin settings, for those who write the plugin's block.
func examples() map[string]any {
	return map[string]any{
		"download_hosts": append(transport.SteamHosts(), ".mirror.example"), "cache_dir": "/srv/cache/workshop", "cache_max_bytes": int64(100 << 30),
		"parallel_downloads": 8, "bandwidth": int64(10 << 20), "profile_url": "https://" + steamProfiles, "steamcmd": "/usr/games/steamcmd",
	}
}

// refinePlugin adds defaults and bounds to the schema of the plugin settings.
func refinePlugin(schema *jsonschema.Schema) {
	for name, value := range defaults() {
		encoded, err := json.Marshal(value)
		if err != nil {
			panic(err) // plain values always encode
		}
		schema.Properties[name].Default = encoded
	}
	for name, value := range examples() {
		schema.Properties[name].Examples = []any{value}
	}
	for name, least := range leastTimes {
		schema.Properties[name].Description += fmt.Sprintf("; a time of at least %s", least)
	}
	bound(schema.Properties["parallel_downloads"], 1, 32)
	bound(schema.Properties["parallel_per_host"], 1, 32)
	bound(schema.Properties["attempts"], 1, 50)
	for _, name := range [...]string{"cache_max_bytes", "reserve_bytes", "bandwidth"} {
		schema.Properties[name].Minimum = new(float64)
	}
	schema.Properties["download_hosts"].MaxItems = jsonschema.Ptr(100)
}

func bound(schema *jsonschema.Schema, least, most float64) {
	schema.Minimum, schema.Maximum = &least, &most
}

// refineOverlay adds bounds to the schema of the overlay settings.
func refineOverlay(schema *jsonschema.Schema) {
	schema.Properties["items"].MinItems = jsonschema.Ptr(1)
	schema.Properties["items"].MaxItems = jsonschema.Ptr(workshop.MaxItems)
	schema.Properties["exclude"].MaxItems = jsonschema.Ptr(workshop.MaxItems)
	for name, value := range map[string]any{
		"items":   []any{"https://steamcommunity.com/sharedfiles/filedetails/?id=123456789", "234567890"},
		"exclude": []any{"345678901"},
		"pins":    map[string]any{"234567890": "4567890123456789012"},
	} {
		schema.Properties[name].Examples = []any{value}
	}
}

// leastTimes bound the settings that hold a time.
var leastTimes = map[string]time.Duration{
	"cache_max_age": 0, "api_interval": 0, "host_interval": 0, "retry_wait": time.Millisecond, "retry_max_wait": time.Millisecond,
	"stall_timeout": time.Second, "steamcmd_timeout": time.Second, "profile_interval": 0, "describe_wait": 0,
}

// durations are the settings that hold a time, parsed.
type durations struct {
	cacheMaxAge, apiInterval, hostInterval, retryWait, retryMaxWait, stallTimeout, steamcmdTimeout, profileInterval, describeWait time.Duration
}

// parse reads the times; what is wrong comes back as diagnostics.
func (p PluginSettings) parse() (durations, []sdk.Diagnostic) {
	var out durations
	var found []sdk.Diagnostic
	for _, field := range []struct {
		name, text string
		into       *time.Duration
	}{
		{"cache_max_age", p.CacheMaxAge, &out.cacheMaxAge},
		{"api_interval", p.APIInterval, &out.apiInterval},
		{"host_interval", p.HostInterval, &out.hostInterval},
		{"retry_wait", p.RetryWait, &out.retryWait},
		{"retry_max_wait", p.RetryMaxWait, &out.retryMaxWait},
		{"stall_timeout", p.StallTimeout, &out.stallTimeout},
		{"steamcmd_timeout", p.SteamcmdTimeout, &out.steamcmdTimeout},
		{"profile_interval", p.ProfileInterval, &out.profileInterval},
		{"describe_wait", p.DescribeWait, &out.describeWait},
	} {
		value, err := time.ParseDuration(field.text)
		if least := leastTimes[field.name]; err != nil || value < least {
			found = append(found, problem("workshop.duration", "/"+field.name, fmt.Sprintf("%q is not a time of at least %s.", field.text, least),
				"Write a number with a unit, such as 200ms, 30s or 720h."))
		}
		*field.into = value
	}
	return out, found
}

// profiles is the address of the site with profile pages. A stand-in for the API is one for the pages too, so that it never
// makes the plugin ask Steam.
func (p PluginSettings) profiles(api *url.URL) (*url.URL, error) {
	if p.ProfileURL != "" {
		return transport.APIAddress(p.ProfileURL, p.AllowLoopback)
	}
	if api.Host == steamAPI {
		return &url.URL{Scheme: "https", Host: steamProfiles}, nil
	}
	return api, nil
}

// Hosts of Steam.
const (
	steamAPI      = "api.steampowered.com"
	steamProfiles = "steamcommunity.com"
)

func problem(code, pointer, summary, detail string) sdk.Diagnostic {
	return sdk.Diagnostic{Severity: sdk.SeverityError, Code: code, Pointer: pointer, Summary: summary, Detail: detail}
}

// wanted is what the settings of an overlay ask for, normalised.
type wanted struct {
	listed  []string
	pointer map[string]string // id to the setting that names it
	exclude map[string]bool
	pins    map[string]string
}

// normalise reads the settings of an overlay. Diagnostics are errors unless they say otherwise.
func (s Settings) normalise() (wanted, []sdk.Diagnostic) {
	out := wanted{pointer: make(map[string]string), exclude: make(map[string]bool), pins: s.Pins}
	var found []sdk.Diagnostic
	ids, bad := workshop.ParseInput(s.Items)
	out.listed = ids
	for _, piece := range bad {
		found = append(found, badInput("/items", piece))
	}
	for i := range s.Items {
		inEntry, _ := workshop.ParseInput(s.Items[i : i+1])
		for _, id := range inEntry {
			if out.pointer[id] == "" {
				out.pointer[id] = fmt.Sprintf("/items/%d", i)
			}
		}
	}
	excluded, bad := workshop.ParseInput(s.Exclude)
	for _, piece := range bad {
		found = append(found, badInput("/exclude", piece))
	}
	for _, id := range excluded {
		out.exclude[id] = true
	}
	for _, id := range slices.Sorted(maps.Keys(s.Pins)) {
		if !workshop.ValidID(id) || !workshop.ValidContent(s.Pins[id]) {
			found = append(found, problem("workshop.pin", "/pins/"+escapePointer(id), fmt.Sprintf("The pin of %.40q to %.60q is not an item id with a content id.", id, s.Pins[id]),
				"Use the ids that the manifest or an earlier build names."))
		}
	}
	if len(out.listed) == 0 && len(found) == 0 {
		found = append(found, problem("workshop.empty", "/items", "No Workshop item is listed.", "Add an item or a collection by id or address."))
	}
	return out, found
}

func badInput(list string, piece workshop.BadInput) sdk.Diagnostic {
	return problem("workshop.input", fmt.Sprintf("%s/%d", list, piece.Entry), fmt.Sprintf("%.80q is no Workshop item.", piece.Text),
		"Use the number of an item or collection, or its address on steamcommunity.com.")
}

func escapePointer(text string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(text)
}
