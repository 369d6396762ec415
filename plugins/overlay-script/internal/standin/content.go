package standin

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"

	"github.com/left4me/left4me/sdk/format/vpk/vpktest"
)

// mapFile is a VPK with a campaign's addoninfo.txt and data that depend on name and version.
func mapFile(name string, version int) []byte {
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%s %d", name, version)
	random := rand.New(rand.NewPCG(hash.Sum64(), 1))
	data := make([]byte, 100_000+random.IntN(200_000))
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	info := fmt.Sprintf("\"AddonInfo\"\n{\n\taddonTitle \"%s\"\n\taddonversion %d.0\n\taddonContent_Campaign 1\n}\n", name, version)
	return vpktest.Bytes([]vpktest.File{
		{Name: "addoninfo.txt", Data: []byte(info)}, {Name: fmt.Sprintf("maps/c%d_m1.bsp", len(name)), Data: data},
	}, vpktest.Options{})
}

// reworkFiles are the files of the plugin pack: the real ones' places, and as many as a script may
// ask for before it believes in the archive.
func reworkFiles(version int, fault Fault) map[string]string {
	out := map[string]string{
		"README.md":                                           "# L4D2 Competitive Rework\n",
		"addons/metamod.vdf":                                  "\"Plugin\"\n{\n\t\"file\"\t\"addons/metamod/bin/server\"\n}\n",
		"addons/metamod/sourcemod.vdf":                        "\"Metamod Plugin\"\n{\n\t\"alias\" \"sourcemod\"\n\t\"file\" \"addons/sourcemod/bin/sourcemod_mm\"\n}\n",
		"addons/sourcemod/configs/core.cfg":                   fmt.Sprintf("\"Core\"\n{\n\t\"Version\" \"%d\"\n}\n", version),
		"addons/sourcemod/data/sqlite/clientprefs-sqlite.sq3": "SQLite format 3\x00",
		"cfg/server.cfg":                                      fmt.Sprintf("// version %d\nexec sharedplugins.cfg\n", version),
		"cfg/sharedplugins.cfg":                               "sm plugins load_unlock\n",
		"host.txt":                                            "host\n",
		"motd.txt":                                            "motd\n",
		fmt.Sprintf("addons/sourcemod/plugins/only-in-version-%d.smx", version): "smx",
	}
	if fault == Empty {
		return map[string]string{"README.md": "# Moved\n"}
	}
	if fault == Short {
		return out
	}
	for i := range 1200 {
		out[fmt.Sprintf("cfg/cfgogl/mode%02d/file%03d.cfg", i%24, i)] = fmt.Sprintf("// %d\n", i)
	}
	return out
}

// tickrateFiles are the three files of the server plugin. The shared object is an ELF header of a
// 32-bit Intel library with some content after it.
func tickrateFiles(version int) map[string][]byte {
	elf := make([]byte, 20_000)
	copy(elf, []byte{0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 3, 0, 1, 0, 0, 0})
	elf[len(elf)-1] = byte(version)
	pe := make([]byte, 20_000)
	copy(pe, "MZ")
	pe[len(pe)-1] = byte(version)
	return map[string][]byte{
		"tickrate_enabler.so":  elf,
		"tickrate_enabler.dll": pe,
		"tickrate_enabler.vdf": []byte("\"Plugin\"\n{\n\t\"file\"\t\"addons/tickrate_enabler\"\n}\n"),
	}
}
