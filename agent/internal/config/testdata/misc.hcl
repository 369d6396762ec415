installation {
  source = "steam"
  path   = "/srv/../l4d2"
}
jobs {
  workers   = 0
  retention = "1m"
}
log {
  level  = "loud"
  format = "jsn"
}
runtime_dir = "/run/x/"
overlays {
  refresh_at = "25:00"
}
