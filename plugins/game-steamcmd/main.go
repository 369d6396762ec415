// Command game-steamcmd is the plugin that gets the game itself, with Valve's steamcmd.
package main

import (
	"github.com/left4me/left4me/plugins/game-steamcmd/internal/game"
	"github.com/left4me/left4me/sdk"
)

func main() { sdk.Serve(game.New()) }
