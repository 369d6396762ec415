log { level = "info" }
log { level = "debug" }
plugin { kind = "builder" }
jobs "x" { workers = 1 }
