listen { address = "8440" }
