plugin "overlay-x" {
  kind = "builder"
  launch {
    mode    = "exec"
    command = ["/bin/true"]
  }
  settings {
    a = unquoted
    b = upper("x")
    c { x = 1 }
    c { x = 2 }
    d = 1
    d "e" { x = 1 }
  }
}
