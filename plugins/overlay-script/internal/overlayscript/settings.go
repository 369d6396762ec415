package overlayscript

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
	"github.com/left4me/left4me/plugins/overlay-script/internal/script"
	"github.com/left4me/left4me/sdk"
)

// OverlaySettings are those of one overlay.
type OverlaySettings struct {
	Script      string            `json:"script" jsonschema:"the script; its first line is #!/bin/bash or #!/bin/sh"`
	Environment map[string]string `json:"environment,omitempty" jsonschema:"variables the script sees"`
	Secrets     []string          `json:"secrets,omitempty" jsonschema:"names of secrets the script sees as variables; their values never appear in the log"`
	Network     bool              `json:"network,omitempty" jsonschema:"whether the script may reach the public internet"`
	Tools       []string          `json:"tools,omitempty" jsonschema:"commands the script needs, besides those its header names; checked before it runs"`
	Limits      RunLimits         `json:"limits,omitzero" jsonschema:"tighter limits than the operator's"`
}

// RunLimits of one run. Zero means the operator's limit.
type RunLimits struct {
	MemoryMiB  uint64 `json:"memory_mib,omitempty" jsonschema:"memory of all processes together"`
	Tasks      uint64 `json:"tasks,omitempty" jsonschema:"processes and threads"`
	CPUPercent uint64 `json:"cpu_percent,omitempty" jsonschema:"percent of one core"`
	Seconds    uint64 `json:"seconds,omitempty" jsonschema:"longest time of a run"`
}

// PluginSettings are the operator's.
type PluginSettings struct {
	Sandbox     string            `json:"sandbox,omitempty" jsonschema:"how scripts are kept in: systemd (each one a unit that root wrote), bubblewrap, or auto, which takes systemd where its unit is installed"`
	Bubblewrap  string            `json:"bubblewrap,omitempty" jsonschema:"path of bwrap; empty looks it up"`
	UserID      int               `json:"user_id,omitempty" jsonschema:"whom scripts run as when the plugin is root"`
	GroupID     int               `json:"group_id,omitempty" jsonschema:"the group that goes with user_id"`
	Cgroup      string            `json:"cgroup,omitempty" jsonschema:"auto, none, or the path of a cgroup that is delegated to the plugin"`
	Egress      string            `json:"egress,omitempty" jsonschema:"what scripts reach: filtered (the public internet), none, or open (everything the host reaches, its own services too)"`
	Ports       []int             `json:"ports,omitempty" jsonschema:"TCP ports that scripts reach when egress is filtered; in bubblewrap only, systemd has no such list"`
	Environment map[string]string `json:"environment,omitempty" jsonschema:"variables that every script sees"`

	Resolvers       []string          `json:"resolvers,omitempty" jsonschema:"DNS servers of scripts"`
	DeniedNetworks  []string          `json:"denied_networks,omitempty" jsonschema:"networks denied besides the private ones, for example the host's public address behind NAT; with systemd they must also be in /etc/left4me/denied-networks"`
	Hosts           map[string]string `json:"hosts,omitempty" jsonschema:"names and addresses that scripts see in /etc/hosts"`
	Redirects       map[string]string `json:"redirects,omitempty" jsonschema:"openings in the filter: a script that connects to the first address and port reaches the second, even on the host"`
	CertificateFile string            `json:"certificate_file,omitempty" jsonschema:"PEM file with authorities that scripts trust beside the host's"`

	Limits         RunLimits `json:"limits,omitzero" jsonschema:"limits of each run"`
	TreeMiB        uint64    `json:"tree_mib,omitempty" jsonschema:"largest overlay"`
	TreeFiles      uint64    `json:"tree_files,omitempty" jsonschema:"most files and directories of an overlay"`
	TmpMiB         uint64    `json:"tmp_mib,omitempty" jsonschema:"size of a script's /tmp"`
	DiskReserveMiB uint64    `json:"disk_reserve_mib,omitempty" jsonschema:"space that stays free on the host's disk"`
	LogKiB         int       `json:"log_kib,omitempty" jsonschema:"most output of a run that is kept"`
}

// The defaults that a schema shows. An empty document gets all of them.
func refinePlugin(schema *jsonschema.Schema) {
	set := func(name, value string) { schema.Properties[name].Default = []byte(value) }
	enum := func(name string, values ...any) {
		schema.Properties[name].Enum = values
		set(name, fmt.Sprintf("%q", values[0]))
	}
	enum("sandbox", kindAuto, kindSystemd, kindBubblewrap)
	enum("egress", string(sandbox.NetworkFiltered), string(sandbox.NetworkNone), string(sandbox.NetworkOpen))
	set("user_id", "64001")
	set("group_id", "64001")
	set("cgroup", `"auto"`)
	set("ports", "[22, 80, 443, 873, 8000, 8080, 8443, 9418]")
	set("resolvers", `["1.1.1.1", "8.8.8.8"]`)
	set("limits", `{"memory_mib": 4096, "tasks": 512, "cpu_percent": 200, "seconds": 3600}`)
	set("tree_mib", "20480")
	set("tree_files", "200000")
	set("tmp_mib", "512")
	set("disk_reserve_mib", "512")
	set("log_kib", "4096")
	for name, value := range map[string]any{
		"bubblewrap": "/usr/local/bin/bwrap", "environment": map[string]any{"LANG": "C.UTF-8"}, "denied_networks": []any{"203.0.113.7/32"},
		"hosts": map[string]any{"maps.example": "198.51.100.7"}, "redirects": map[string]any{"198.51.100.7:443": "127.0.0.1:8443"},
		"certificate_file": "/etc/left4me/maps-ca.pem",
	} {
		schema.Properties[name].Examples = []any{value}
	}
	for name, most := range map[string]float64{"user_id": 1<<31 - 1, "group_id": 1<<31 - 1, "tmp_mib": 1 << 20, "log_kib": 1 << 20} {
		least := 1.0
		schema.Properties[name].Minimum, schema.Properties[name].Maximum = &least, &most
	}
	schema.Properties["ports"].MaxItems = jsonschema.Ptr(100)
	schema.Properties["resolvers"].MaxItems = jsonschema.Ptr(3) // resolv.conf(5) ignores more
}

func refineOverlay(schema *jsonschema.Schema) {
	schema.Properties["network"].Default = []byte("true")
	schema.Properties["script"].Description = "The script. Its first line is #!/bin/bash or #!/bin/sh."
	for name, value := range map[string]any{
		"script":      "#!/bin/bash\nset -eu\nmkdir -p left4dead2/cfg\necho 'sv_alltalk 1' >left4dead2/cfg/talk.cfg\n",
		"environment": map[string]any{"SITE": "https://maps.example"}, "secrets": []any{"SITE_TOKEN"}, "tools": []any{"curl", "unzip"},
		"limits": map[string]any{"memory_mib": 1024, "tasks": 64, "cpu_percent": 100, "seconds": 600},
	} {
		schema.Properties[name].Examples = []any{value}
	}
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

// validate checks what a schema cannot say.
func validate(settings OverlaySettings) []sdk.Diagnostic {
	var found []sdk.Diagnostic
	add := func(pointer, summary, detail string) {
		found = append(found, sdk.Diagnostic{
			Severity: sdk.SeverityError, Code: "script.settings", Summary: summary, Detail: detail, Pointer: pointer,
		})
	}
	if _, err := script.Parse(settings.Script); err != nil {
		fault, ok := errors.AsType[*sdk.Error](err)
		if !ok {
			fault = sdk.Errorf(sdk.CodeInternal, "%s", err)
		}
		add(fault.Field, fault.Message, fault.Hint)
	}
	for _, name := range slices.Sorted(maps.Keys(settings.Environment)) {
		if problem := badVariable(name, settings.Environment[name]); problem != "" {
			add("/environment", problem, "Use letters, digits and underscores in names, and text in values.")
		}
	}
	for i, name := range settings.Secrets {
		if problem := badVariable(name, ""); problem != "" {
			add(fmt.Sprintf("/secrets/%d", i), problem, "A secret becomes a variable, so its name has letters, digits and underscores.")
		}
	}
	for i, tool := range settings.Tools {
		if !script.ValidTool(tool) {
			add(fmt.Sprintf("/tools/%d", i), fmt.Sprintf("%q is no name of a command.", tool), "Write a name such as curl.")
		}
	}
	return found
}

func badVariable(name, value string) string {
	switch {
	case !variable.MatchString(name):
		return fmt.Sprintf("%q cannot be the name of a variable.", name)
	case name == "OVERLAY":
		return "The variable OVERLAY is set by the sandbox."
	case slices.Contains([]byte(value), 0):
		return fmt.Sprintf("The value of %s has a zero byte.", name)
	}
	return ""
}

// limits returns the tightest of the operator's, the overlay's and the build's limits.
func (p PluginSettings) limits(overlay RunLimits, maxBytes, maxFiles uint64, maxTime time.Duration) sandbox.Limits {
	seconds := tightest(p.Limits.Seconds, overlay.Seconds)
	if maxTime > 0 {
		seconds = tightest(seconds, max(1, uint64(maxTime/time.Second)))
	}
	tree := tightest(p.TreeMiB<<20, maxBytes)
	return sandbox.Limits{
		Memory:    tightest(p.Limits.MemoryMiB, overlay.MemoryMiB) << 20,
		Tasks:     tightest(p.Limits.Tasks, overlay.Tasks),
		CPU:       tightest(p.Limits.CPUPercent, overlay.CPUPercent),
		WallTime:  time.Duration(seconds) * time.Second,
		FileSize:  tree,
		TreeBytes: tree,
		TreeFiles: tightest(p.TreeFiles, maxFiles),
		DiskFree:  p.DiskReserveMiB << 20,
		TmpSize:   p.TmpMiB << 20,
	}
}

// tightest is the smallest value that is a limit: zero is none.
func tightest(values ...uint64) uint64 {
	var out uint64
	for _, value := range values {
		if value > 0 && (out == 0 || value < out) {
			out = value
		}
	}
	return out
}
