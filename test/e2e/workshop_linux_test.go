package e2e_test

import (
	"bytes"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

// Workshop content as a person meets it: items, campaigns, conflicts, an update at Steam, the refresh that brings it, the start that
// refuses a missing file.
func TestWorkshopInTheDemo(t *testing.T) {
	state, panel := filepath.Join(openDir(t), "s"), freeAddress(t)
	p := start(t, demo(t, state, panel))
	p.says("left4me runs.")
	cli(t, state, "overlay", "build", "workshop-demo")
	items := list[api.Item](t, state, "overlay", "items", "workshop-demo")
	problems, titles := 0, map[string]string{}
	for _, item := range items {
		titles[item.Title] = item.ID
		if item.Problem != "" && item.Absent {
			problems++
		}
	}
	if len(items) != 7 || problems != 3 || titles["Harbour Lights"] == "" {
		t.Errorf("%d items, %d problems: %+v", len(items), problems, items)
	}
	for _, item := range items {
		if !item.Absent && (item.Author != "Demo Author" || item.Picture == "") {
			t.Errorf("item %s is by %q and its picture is %q", item.ID, item.Author, item.Picture)
		}
	}
	agent, err := client.New(client.Options{Socket: filepath.Join(state, "run", "agent.sock")})
	if err != nil {
		t.Fatal(err)
	}
	picture, kind, err := agent.Picture(t.Context(), "workshop-demo", titles["Harbour Lights"])
	if size, failed := jpeg.DecodeConfig(bytes.NewReader(picture)); err != nil || failed != nil || kind != "image/jpeg" || size.Width != 128 {
		t.Errorf("the picture is %q, %+v, %v, %v", kind, size, err, failed)
	}
	found := one[api.Addons](t, state, "overlay", "campaigns", "workshop-demo")
	if len(found.Campaigns) != 2 || found.Campaigns[0].Title != "Harbour Lights" || len(found.Campaigns[0].Modes) != 2 || found.ConflictCount != 0 {
		t.Errorf("campaigns %+v", found)
	}
	// The same campaign with other content, as an overlay made by a script, on top: it wins.
	cli(t, state, "overlay", "create", "copy", "--type", "overlay-script", "--script", copyScript(t), "--build")
	cli(t, state, "blueprint", "set", "demo", "--overlay", "copy", "--overlay", "workshop-demo")
	served := one[api.Addons](t, state, "server", "campaigns", "demo")
	if served.ConflictCount == 0 || served.Conflicts[0].Kind != "map" || served.Conflicts[0].Winner.Overlay != "copy" {
		t.Errorf("conflicts %+v", served.Conflicts)
	}
	before := one[api.Overlay](t, state, "overlay", "show", "workshop-demo")
	if text := cli(t, state, "overlay", "refresh"); !strings.Contains(text, "0 overlays updated, 1 unchanged, 0 failed.") {
		t.Errorf("refresh without news:\n%s", text)
	}
	if after := one[api.Overlay](t, state, "overlay", "show", "workshop-demo"); after.Revision != before.Revision {
		t.Error("a refresh without news made a revision")
	}
	loseOne(t, state, before)
}

// copyScript is a script that makes a VPK with a map that the workshop's demonstration has too, byte by byte.
func copyScript(t *testing.T) string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "copy.sh")
	text := `#!/bin/bash
set -euo pipefail
mkdir -p left4dead2/addons
# header: magic, version 1, tree of 47 bytes; tree: bsp, maps, harbour_m1_docks, one entry; data: 5 bytes
{ printf '\x34\x12\xaa\x55\x01\x00\x00\x00\x2f\x00\x00\x00'
  printf 'bsp\0maps\0harbour_m1_docks\0'
  printf '\x78\x56\x34\x12\x00\x00\xff\x7f\x00\x00\x00\x00\x05\x00\x00\x00\xff\xff'
  printf '\0\0\0other'
} > left4dead2/addons/copy.vpk
`
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return script
}

// loseOne removes a VPK from a revision on disk. S6: the server must not start over that, and says which file it is.
func loseOne(t *testing.T, state string, o api.Overlay) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(state, "content", "overlays", o.ID, o.Revision, "left4dead2", "addons", "*.vpk"))
	if err != nil || len(files) == 0 {
		t.Fatalf("files %v, %v", files, err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	said, err := try(state, "server", "start", "demo")
	if err == nil || !strings.Contains(err.Error()+said, filepath.Base(files[0])) {
		t.Errorf("the server started over a missing file, or did not say which: %v %s", err, said)
	}
	cli(t, state, "overlay", "wipe", "workshop-demo")
	cli(t, state, "server", "start", "demo")
	if maps := cli(t, state, "server", "command", "demo", "maps *"); !strings.Contains(maps, "harbour_m1_docks.bsp") {
		t.Errorf("the game does not find the campaign:\n%s", maps)
	}
}
