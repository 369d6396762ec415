// Package version knows which left4me this is.
package version

// Version is set by the linker (make build); "dev" otherwise.
var Version = "dev"
