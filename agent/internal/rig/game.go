package rig

import (
	"os"
	"path/filepath"
)

// game makes a directory that looks like an installation.
func (r *Rig) game() string {
	dir := filepath.Join(r.Root, "game")
	files := map[string]string{
		"srcds_run":                "#!/bin/sh\n",
		"left4dead2/steam.inf":     "PatchVersion=2.2.4.3\nProductName=left4dead2\n",
		"left4dead2/cfg/motd.txt":  "game\n",
		"left4dead2/maps/c1m1.bsp": "map\n",
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			r.t.Fatal(err)
		}
	}
	return dir
}
