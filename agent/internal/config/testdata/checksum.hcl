plugin "overlay-x" {
  kind = "builder"
  launch {
    mode     = "exec"
    command  = ["/bin/true"]
    checksum = "md5:d41d8cd98f00b204e9800998ecf8427e"
  }
}
plugin "overlay-y" {
  kind = "builder"
  launch {
    mode     = "exec"
    command  = ["/bin/true"]
    checksum = "sha256:E3B0"
  }
}
