name = "x
plugin "a" {
