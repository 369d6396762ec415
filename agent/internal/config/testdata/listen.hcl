name = "my host"
listen {
  socket      = "run/agent.sock"
  socket_mode = "0666"
  address     = "0.0.0.0:8440"
  certificate = "/x.crt"
}
