package demo

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// writeSteamcmd writes what the stand-in for steamcmd finds on "Steam", and the script that the plugin calls as it
// would call the real one.
func (d *demo) writeSteamcmd() error {
	dir := d.layout.steamDir()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	world, err := json.Marshal(map[string]any{
		"build": 17033453, "version": "2.2.4.3", "game": d.layout.gameDir(),
		"renew": true, "self_first": true, "pace": "250ms",
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "world.json"), world, 0o644); err != nil {
		return err
	}
	script := fmt.Sprintf("#!/bin/sh\nexec %q --world %q \"$@\"\n", filepath.Join(d.Bin, "steamcmd-standin"), filepath.Join(dir, "world.json"))
	return os.WriteFile(filepath.Join(dir, "steamcmd.sh"), []byte(script), 0o755)
}
