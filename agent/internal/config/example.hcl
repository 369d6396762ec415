# left4me agent configuration, with every key.
# Values shown for optional keys are the defaults unless a comment says otherwise.
# Check a file with: left4me config check

# Name of this host, as people see it.
name = "left4me"

# Database, content and servers. Everything in it belongs to the agent and its plugins.
state_dir = "/var/lib/left4me"

# Sockets. Default: /run/left4me for the state_dir above, else STATE_DIR/run.
runtime_dir = "/run/left4me"

# Where the API is served.
listen {
  # Who may open this socket controls the agent.
  socket       = "/run/left4me/agent.sock"
  socket_mode  = "0660"
  socket_group = "left4me" # default: the agent's own group

  # TCP is off unless an address is given. It needs a token, and TLS beyond loopback.
  # address     = "0.0.0.0:8440"
  # token_file  = "/etc/left4me/token"
  # certificate = "/etc/left4me/tls.crt"
  # private_key = "/etc/left4me/tls.key"
}

# The mounter owns the content tree and makes the mounts. At most one can be enabled.
# mode = "socket": systemd starts the plugin with its own privilege when the agent connects.
plugin "mounter-kernel" {
  kind = "mounter"
  launch {
    mode   = "socket"
    socket = "/run/left4me/mounter-kernel.sock"
    user   = "root"         # who may be at the other end; root always may
    group  = "left4me-plug" # shares the directory of the plugin's own socket
  }
}

# A builder makes the content of overlays. Its name is the type of the overlays it makes.
# mode = "exec": a child of the agent.
plugin "overlay-workshop" {
  kind    = "builder"
  enabled = true
  launch {
    mode     = "exec"
    command  = ["/usr/lib/left4me/plugins/overlay-workshop"]
    checksum = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" # default: not checked

    # Only when the agent runs as root: whom the plugin runs as, and all it may do.
    # user         = "left4me-workshop"
    # group        = "left4me-workshop"
    # capabilities = ["CAP_CHOWN"]

    # Added to an otherwise clean environment.
    environment = { HTTPS_PROXY = "http://proxy.example:3128" }
  }

  # For the plugin alone; see docs/reference/plugins, or: left4me plugin docs BINARY.
  settings {
    parallel_downloads = 4
    attempts           = 5
  }

  # Handed to the plugin by name. Only its owner and group may read the file.
  secret "steam_key" {
    file = "/etc/left4me/steam_key"
  }
}

plugin "overlay-script" {
  kind    = "builder"
  enabled = false
  launch {
    # A plugin that a developer runs, for example in a debugger, behind a socket.
    mode   = "attach"
    socket = "/run/left4me/overlay-script.sock"
  }
}

# How game servers run.
servers {
  # "systemd" runs each server as left4me-server@ID.service, which holds the hardening and the default limits; the
  # agent refuses to start when that unit, D-Bus or the polkit rule is missing. runtime_dir must then be /run/left4me,
  # and stop_timeout below the unit's TimeoutStopSec. "process" is for hosts without systemd.
  supervisor   = "process" # or "systemd"
  port_range   = "27015-27115"
  stop_timeout = "20s"   # from SIGINT to the kill
  on_exit      = "leave" # or "stop": what happens to running servers when the agent ends

  # Only for supervisor = "process" when the agent runs as root: whom games run as.
  # user  = "left4me-game"
  # group = "left4me-game"

  # log_listen   = "192.0.2.7:28000" # games send their logs there by UDP; default: read from their consoles
  # bind_ip        = "192.0.2.7"        # default: all addresses
  # public_address = "games.example.org" # what players connect to
}

# Overlays whose builder can look for newer content by itself, such as workshop items, are looked at once a day. Those
# without news cost no download and get no new revision.
overlays {
  refresh_at = "04:30" # local time, or "never"
}

# Where releases of the game come from. Default: nowhere.
# A builder can also get the game itself: the installation block names it then, and it makes no overlays.
plugin "game-steamcmd" {
  kind    = "builder"
  enabled = true
  launch {
    mode   = "socket"
    socket = "/run/left4me/game-steamcmd.sock"
    user   = "left4me-script" # whom staging trees belong to
    group  = "left4me-plug"
  }
  settings {
    steamcmd = "/usr/games/steamcmd"
  }
}

# Where releases of the game come from, and how they reach the servers. Default: nowhere.
installation {
  source = "plugin" # or "directory": a directory of this host, see path
  plugin = "game-steamcmd"
  # path = "/srv/l4d2"

  check            = "6h"     # how often the source is asked for something new; "0s": only when a person or a game says so
  update           = "manual" # or "automatic": install what is new, and roll it out
  keep             = 2        # releases besides the present one, for a rollback
  rollout_deadline = "0s"     # how long servers with players may put a rollout off; "0s": for ever
}

jobs {
  workers   = 4     # that run at once
  retention = "30d" # of finished jobs and their logs
}

# Where schedules may send messages to.
webhooks {
  private = false # true: also addresses that are not public, and plain http
}

log {
  level  = "info" # debug, info, warn, error
  format = "text" # or "json"
}
