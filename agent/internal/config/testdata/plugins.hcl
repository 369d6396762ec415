plugin "mounter-kernel" {
  kind = "mounter"
  launch {
    mode   = "socket"
    socket = "/run/m.sock"
    command = ["/bin/true"]
    capabilities = ["CAP_SYS_ADMIN"]
  }
}
plugin "mounter-btrfs" {
  kind = "mounter"
  launch {
    mode    = "exec"
    command = ["mounter-btrfs"]
    socket  = "/run/m.sock"
    capabilities = ["sys_admin", "CAP_FLY"]
    environment  = { LD_PRELOAD = "/x.so" }
    user = "Bob Smith"
  }
}
plugin "mounter-off" {
  kind    = "mounter"
  enabled = false
  launch {
    mode    = "exec"
    command = ["/bin/true"]
  }
}
plugin "Überlay" {
  kind = "bilder"
  launch { mode = "exce" }
}
plugin "no-kind" {
  secret "A" { }
  secret "key" { file = "relative" }
}
plugin "twice" {
  kind = "builder"
  launch {
    mode = "exec"
  }
}
plugin "twice" {
  kind = "builder"
}
plugin "attached" {
  kind = "builder"
  launch { mode = "attach" }
}
