plugin "overlay-absent" {
  kind = "builder"
  launch {
    mode    = "exec"
    command = ["/nonexistent/overlay-absent"]
    user    = "nobody-of-that-name"
  }
  secret "key" { file = "/nonexistent/key" }
}
plugin "overlay-directory" {
  kind = "builder"
  launch {
    mode    = "exec"
    command = ["/usr"]
    group   = "nogroup-of-that-name"
  }
  secret "key" { file = "/usr" }
}
plugin "overlay-off" {
  kind    = "builder"
  enabled = false
  launch {
    mode    = "exec"
    command = ["/nonexistent/overlay-off"]
  }
}
installation {
  source = "directory"
  path   = "/nonexistent/l4d2"
}
