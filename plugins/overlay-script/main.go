// Command overlay-script is the plugin that makes overlays by running scripts in a sandbox.
package main

import (
	"github.com/left4me/left4me/plugins/overlay-script/internal/bubblewrap"
	"github.com/left4me/left4me/plugins/overlay-script/internal/overlayscript"
	"github.com/left4me/left4me/plugins/overlay-script/internal/systemd"
	"github.com/left4me/left4me/sdk"
)

func main() {
	bubblewrap.MaybeChild()
	systemd.MaybeRun()
	sdk.Serve(overlayscript.New())
}
