// Command overlay-workshop is the plugin that makes overlays from Steam Workshop items.
package main

import (
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/overlay"
	"github.com/left4me/left4me/sdk"
)

func main() { sdk.Serve(overlay.New()) }
