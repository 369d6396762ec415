# Configuration of the left4me agent on this host. All keys and their defaults: left4me config example
# After a change: left4me config check && systemctl restart left4me-agent     (running servers go on)
#
# Provisioning and packages replace this file only as long as nobody has edited it. After that it is yours, and a new
# default is put beside it as agent.hcl.new. Keys that are missing here have their defaults, so an older file goes on
# working with a newer agent.

# Name of this host, as people see it.
name = "left4me"

# The agent's own: database and what it knows of units. Content lies in /var/lib/left4me/content and is the mounter's.
state_dir   = "/var/lib/left4me/agent"
runtime_dir = "/run/left4me"

listen {
  # Who may open this socket controls the agent: the panel's user, and whom you add with: adduser NAME left4me
  socket       = "/run/left4me/agent.sock"
  socket_mode  = "0660"
  socket_group = "left4me"
}

# Plugins are started by systemd when the agent connects, each as left4me-plugin-NAME@.service with its own user and
# capabilities. To swap a program: systemctl edit left4me-plugin-NAME@.service, and give it another ExecStart. To use
# another plugin: give it a socket unit of its own and name that here.

# Owns the content tree and makes the mounts. What it may touch stands in mounter-kernel.json, which only root writes.
plugin "mounter-kernel" {
  kind = "mounter"
  launch {
    mode   = "socket"
    socket = "/run/left4me/mounter-kernel.sock"
    user   = "root" # systemd holds the socket
    group  = "left4me-plug"
  }
}

# Overlays from the Steam Workshop.
plugin "overlay-workshop" {
  kind = "builder"
  launch {
    mode   = "socket"
    socket = "/run/left4me/overlay-workshop.sock"
    user   = "root"
    group  = "left4me-plug"
  }
  settings {
    cache_dir = "/var/cache/left4me/overlay-workshop"
  }
}

# Overlays from scripts, each run in a sandbox of its own.
plugin "overlay-script" {
  kind = "builder"
  launch {
    mode   = "socket"
    socket = "/run/left4me/overlay-script.sock"
    user   = "root"
    group  = "left4me-plug"
  }
  settings {
    sandbox = "systemd" # left4me-sandbox@.service, and nothing weaker in its place
  }
}

# The game itself, from Steam. Install steamcmd (Debian: contrib and non-free, with dpkg --add-architecture i386), enable this, and
# change the installation block below.
plugin "game-steamcmd" {
  kind    = "builder"
  enabled = false
  launch {
    mode   = "socket"
    socket = "/run/left4me/game-steamcmd.sock"
    user   = "root"
    group  = "left4me-plug"
  }
  settings {
    home     = "/var/cache/left4me/game-steamcmd"
    steamcmd = "/usr/games/steamcmd"
  }
}

servers {
  supervisor   = "systemd" # left4me-server@.service
  port_range   = "27015-27064" # the panel has 27080
  stop_timeout = "20s"
  # public_address = "games.example.org" # what players connect to
}

# Where the game comes from: a directory of this host that holds srcds_run. The agent copies it into a release.
installation {
  source = "directory"
  path   = "/srv/left4me/game"

  # From Steam instead:
  # source           = "plugin"
  # plugin           = "game-steamcmd"
  # check            = "6h"     # how often Steam is asked for an update
  # update           = "manual" # or "automatic": install it and restart servers, each when it is empty
  # rollout_deadline = "0s"     # how long players may put that off; "0s": for ever
}
