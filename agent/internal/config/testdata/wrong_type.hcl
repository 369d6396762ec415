name = 5
listen = "x"
state_dir { }
plugin "overlay-x" {
  kind    = "builder"
  enabled = "true"
  launch {
    mode        = "exec"
    command     = "/bin/true"
    environment = ["A=b"]
    capabilities = [1]
  }
}
jobs {
  workers   = "4"
  retention = 30
}
servers {
  stop_timeout = "soon"
  port_range   = null
}
log { level = env.LEVEL }
