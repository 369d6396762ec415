servers { port_range = "80-90" }
