package game

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/left4me/left4me/plugins/game-steamcmd/internal/steam"
	"github.com/left4me/left4me/sdk"
)

// Settings are those of one build.
type Settings struct {
	Verify bool `json:"verify,omitempty" jsonschema:"have every file checked and mended, also when the build is the same"`
}

// PluginSettings are the operator's.
type PluginSettings struct {
	Steamcmd     string   `json:"steamcmd,omitempty" jsonschema:"path of steamcmd; its user must be able to update it, or it must be a wrapper that copies itself"`
	Home         string   `json:"home,omitempty" jsonschema:"directory that becomes steamcmd's home; the plugin's cache directory if absent"`
	App          string   `json:"app,omitempty" jsonschema:"id of the dedicated server on Steam"`
	Game         string   `json:"game,omitempty" jsonschema:"id of the game itself, for UpToDateCheck"`
	Branch       string   `json:"branch,omitempty" jsonschema:"branch of the app"`
	Depots       []string `json:"depots,omitempty" jsonschema:"ids of the depots that a whole installation has"`
	Files        []string `json:"files,omitempty" jsonschema:"files that a whole installation has"`
	CheckURL     string   `json:"check_url,omitempty" jsonschema:"address of UpToDateCheck; none switches it off"`
	Attempts     int      `json:"attempts,omitempty" jsonschema:"how often steamcmd is run before an update counts as failed"`
	RetryWait    string   `json:"retry_wait,omitempty" jsonschema:"wait before the first retry; it doubles each time"`
	StallTimeout string   `json:"stall_timeout,omitempty" jsonschema:"how long steamcmd may be silent before a run is given up"`
	ReserveBytes int64    `json:"reserve_bytes,omitempty" jsonschema:"free space that stays"`
	UpdateBytes  int64    `json:"update_bytes,omitempty" jsonschema:"free space that an update needs"`
	FirstBytes   int64    `json:"first_bytes,omitempty" jsonschema:"free space that a first installation needs when Steam does not say its size"`
}

// noCheck switches UpToDateCheck off.
const noCheck = "none"

func defaults() map[string]any {
	return map[string]any{
		"steamcmd": "/usr/games/steamcmd", "app": "222860", "game": "550", "branch": "public",
		"depots": []string{"222861", "222863"}, "files": []string{"srcds_run", "srcds_linux", "left4dead2/steam.inf"},
		"check_url": "https://api.steampowered.com/ISteamApps/UpToDateCheck/v1/",
		"attempts":  5, "retry_wait": "10s", "stall_timeout": "20m", "reserve_bytes": int64(1 << 30), "update_bytes": int64(3 << 30),
		"first_bytes": int64(13 << 30),
	}
}

func refinePlugin(schema *jsonschema.Schema) {
	for name, value := range defaults() {
		encoded, err := json.Marshal(value)
		if err != nil {
			panic(err) // plain values always encode
		}
		schema.Properties[name].Default = encoded
	}
	schema.Properties["steamcmd"].Examples = []any{"/opt/steamcmd/steamcmd.sh"}
	schema.Properties["home"].Examples = []any{"/var/lib/left4me/steamcmd"}
	schema.Properties["branch"].Examples = []any{"previous"}
	for _, name := range []string{"app", "game"} {
		schema.Properties[name].Pattern = "^[0-9]{1,10}$"
	}
	schema.Properties["branch"].Pattern = "^[A-Za-z0-9_.-]{1,64}$"
	least, most := 1.0, 20.0
	schema.Properties["attempts"].Minimum, schema.Properties["attempts"].Maximum = &least, &most
	for _, name := range []string{"reserve_bytes", "update_bytes", "first_bytes"} {
		schema.Properties[name].Minimum = new(float64)
	}
}

// times are the settings that hold a time.
type times struct{ retryWait, stall time.Duration }

// check looks at what the schema cannot express.
func (p PluginSettings) check() (out times, found []sdk.Diagnostic) {
	read := func(pointer, text string, into *time.Duration) {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 || d > 24*time.Hour {
			found = append(found, problem(pointer, fmt.Sprintf("%.40q is not a time.", text), "Write a number with a unit, for example 10s or 20m."))
		}
		*into = d
	}
	read("/retry_wait", p.RetryWait, &out.retryWait)
	read("/stall_timeout", p.StallTimeout, &out.stall)
	if out.stall == 0 {
		out.stall = 20 * time.Minute
	}
	if !filepath.IsAbs(p.Steamcmd) {
		found = append(found, problem("/steamcmd", fmt.Sprintf("%.200q is not an absolute path.", p.Steamcmd), "Name steamcmd from the root on."))
	}
	if p.Home != "" && !filepath.IsAbs(p.Home) {
		found = append(found, problem("/home", fmt.Sprintf("%.200q is not an absolute path.", p.Home), "Name the directory from the root on."))
	}
	for i, depot := range p.Depots {
		if !steam.Digits(depot) {
			found = append(found, problem(fmt.Sprintf("/depots/%d", i), fmt.Sprintf("%.40q is not a depot id.", depot), "Write a number."))
		}
	}
	for i, name := range p.Files {
		if !filepath.IsLocal(name) {
			found = append(found, problem(fmt.Sprintf("/files/%d", i), fmt.Sprintf("%.80q does not lie in the installation.", name), "Write a relative path."))
		}
	}
	if address, err := url.Parse(p.CheckURL); p.CheckURL != noCheck && (err != nil || address.Host == "" || (address.Scheme != "https" && address.Hostname() != "127.0.0.1")) {
		found = append(found, problem("/check_url", "The address of UpToDateCheck cannot be used.", "Use an https address, or none."))
	}
	return out, found
}

func problem(pointer, summary, detail string) sdk.Diagnostic {
	return sdk.Diagnostic{Severity: sdk.SeverityError, Code: "game.settings", Pointer: pointer, Summary: summary, Detail: detail}
}
