state_dirr = "/x"
listne { socket = "/x" }
plugin "overlay-x" {
  kind = "builder"
  lunch { mode = "exec" }
  launch {
    mode    = "exec"
    command = ["/bin/true"]
    cheksum = "x"
  }
}
servers { completely_different = 1 }
