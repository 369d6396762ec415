installation {
  source           = "plugin"
  plugin           = "steam"
  path             = "/srv/l4d2"
  check            = "5s"
  update           = "always"
  keep             = 0
  rollout_deadline = "31d"
}
