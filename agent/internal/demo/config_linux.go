package demo

import (
	"bytes"
	"fmt"
	"path/filepath"
	"text/template"
)

// Users that scripts and games run as when the demo is root. The numbers belong to nobody on a usual system.
const (
	scriptUser = 64001
	gameUser   = 64002
)

// The example scripts reach their stand-ins by this name and an address that is reserved for documentation
// (RFC 5737): the sandbox' filter has one opening, from there to the stand-in, so the scripts stay as they are.
const (
	sitesHost    = "maps.demo"
	sitesAddress = "198.51.100.7"
)

// layout is where things are inside the namespaces.
type layout struct {
	State    string
	Bin      string
	Rootless bool
	Steam    string // URL of the workshop's stand-in
	Sites    string // address of the example scripts' stand-ins
}

func (l layout) socket() string     { return filepath.Join(l.State, "run", "agent.sock") }
func (l layout) configFile() string { return filepath.Join(l.State, "run", "agent.hcl") }
func (l layout) steamDir() string   { return filepath.Join(l.State, "steam") }
func (l layout) gameDir() string    { return filepath.Join(l.State, "demo-game") }

var configTemplate = template.Must(template.New("config").Parse(`# Written by "left4me demo" at each start; changes are lost.
name        = "demo"
state_dir   = "{{.State}}"
runtime_dir = "{{.State}}/run"

plugin "mounter-kernel" {
  kind = "mounter"
  launch {
    mode    = "exec"
    command = ["{{.Bin}}/mounter-kernel"]
    capabilities = ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_CHOWN", "CAP_FOWNER", "CAP_SETUID", "CAP_SETGID"]
  }
  settings {
    root = "{{.State}}/content"
{{- if not .Rootless}}
    owners {
      staging_uid = {{.ScriptUser}}
      staging_gid = {{.ScriptUser}}
      game_uid    = {{.GameUser}}
      game_gid    = {{.GameUser}}
    }
{{- end}}
  }
}

plugin "overlay-script" {
  kind = "builder"
  launch {
    mode    = "exec"
    command = ["{{.Bin}}/overlay-script"]
{{- if .Rootless}}
    # The sandbox is a user namespace below ours; since Linux 5.12 mapping root into one needs this (user_namespaces(7)).
    capabilities = ["CAP_SETFCAP"]
{{- else}}
    user  = "{{.ScriptUser}}"
    group = "{{.ScriptUser}}"
{{- end}}
  }
  settings {
    hosts     = { "{{.SitesHost}}" = "{{.SitesAddress}}" }
    redirects = { "{{.SitesAddress}}:80" = "{{.Sites}}" }
    environment = {
      CEDAPUG_URL     = "http://{{.SitesHost}}/maps"
      L4D2CENTER_URL  = "http://{{.SitesHost}}/maps/servers/index.csv"
      REWORK_URL      = "http://{{.SitesHost}}/SirPlease/L4D2-Competitive-Rework"
      TICKRATE_URL    = "http://{{.SitesHost}}/SirPlease/L4D2-Competitive-Rework/master/addons"
    }
  }
}

plugin "overlay-workshop" {
  kind = "builder"
  launch {
    mode    = "exec"
    command = ["{{.Bin}}/overlay-workshop"]
{{- if not .Rootless}}
    user  = "{{.ScriptUser}}"
    group = "{{.ScriptUser}}"
{{- end}}
  }
  settings {
    api_url        = "{{.Steam}}"
    allow_loopback = true
    download_hosts = ["127.0.0.1"]
  }
}

plugin "game-steamcmd" {
  kind = "builder"
  launch {
    mode    = "exec"
    command = ["{{.Bin}}/game-steamcmd"]
{{- if not .Rootless}}
    user  = "{{.ScriptUser}}"
    group = "{{.ScriptUser}}"
{{- end}}
  }
  settings {
    steamcmd      = "{{.State}}/steam/steamcmd.sh" # a stand-in
    check_url     = "none"
    retry_wait    = "2s"
    reserve_bytes = 0
    update_bytes  = 104857600
  }
}

servers {
  supervisor   = "process"
  port_range   = "27015-27064"
  stop_timeout = "10s"
  on_exit      = "stop"
{{- if not .Rootless}}
  user  = "{{.GameUser}}"
  group = "{{.GameUser}}"
{{- end}}
}

installation {
  source = "plugin"
  plugin = "game-steamcmd"
  check  = "1m" # the stand-in brings out a new build after each installation
}
`))

// config returns the agent's configuration.
func (l layout) config() ([]byte, error) {
	var out bytes.Buffer
	err := configTemplate.Execute(&out, struct {
		layout
		ScriptUser, GameUser    int
		SitesHost, SitesAddress string
	}{l, scriptUser, gameUser, sitesHost, sitesAddress})
	if err != nil {
		return nil, fmt.Errorf("write the demo's config: %w", err)
	}
	return out.Bytes(), nil
}
