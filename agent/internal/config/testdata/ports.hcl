servers {
  port_range     = "27115-27015"
  supervisor     = "systemd"
  user           = "games"
  on_exit        = "kill"
  bind_ip        = "localhost"
  public_address = "host:27015"
  stop_timeout   = "1ms"
}
