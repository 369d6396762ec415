servers { port_range = "many" }
