// Package pluginhost starts plugins, keeps them running, and hands out what they offer.
//
// Each plugin has one goroutine that owns it: it starts the program (or connects to its systemd
// socket), checks what it says about itself, configures it, watches its health, and starts it again
// with growing pauses when it ends. Plugins are not trusted to behave: one that crashes, hangs, floods
// its log or breaks the protocol costs its own callers an error and nobody else anything.
//
// What go-plugin does for a friendly plugin is not enough for that, so this package brings its own
// runners: they read the handshake and the standard error of the process, so that no byte of either
// reaches go-plugin unchecked, and they can kill the whole process group when everything else hangs.
//
// Errors are [fault.Error] with the source "plugin:NAME".
package pluginhost
