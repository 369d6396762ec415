// Package install writes a directory that looks like an installed Left 4 Dead 2 dedicated server, with this
// program as its server binary. Content of the game is neither copied nor imitated: maps are small
// placeholders with the official names, so that tools which look for them find them.
package install

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

//go:embed files
var skeleton embed.FS

// campaigns holds the official maps, one campaign a line.
const campaigns = `
c1m1_hotel c1m2_streets c1m3_mall c1m4_atrium
c2m1_highway c2m2_fairgrounds c2m3_coaster c2m4_barns c2m5_concert
c3m1_plankcountry c3m2_swamp c3m3_shantytown c3m4_plantation
c4m1_milltown_a c4m2_sugarmill_a c4m3_sugarmill_b c4m4_milltown_b c4m5_milltown_escape
c5m1_waterfront c5m2_park c5m3_cemetery c5m4_quarter c5m5_bridge
c6m1_riverbank c6m2_bedlam c6m3_port
c7m1_docks c7m2_barge c7m3_port
c8m1_apartment c8m2_subway c8m3_sewers c8m4_interior c8m5_rooftop
c9m1_alleys c9m2_lots
c10m1_caves c10m2_drainage c10m3_ranchhouse c10m4_mainstreet c10m5_houseboat
c11m1_greenhouse c11m2_offices c11m3_garage c11m4_terminal c11m5_runway
c12m1_hilltop c12m2_traintunnel c12m3_bridge c12m4_barn c12m5_cornfield
c13m1_alpinecreek c13m2_southpinestream c13m3_memorialbridge c13m4_cutthroatcreek
c14m1_junkyard c14m2_lighthouse
`

// emptyDirs are directories that the game has and files in the skeleton do not imply.
var emptyDirs = []string{"left4dead2/addons", "left4dead2/logs", "steamapps"}

// Write installs into dir, which is made if needed. Files that are there are replaced; others stay.
func Write(dir string) error {
	root, err := openRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if err := writeSkeleton(root); err != nil {
		return err
	}
	for _, name := range emptyDirs {
		if err := root.MkdirAll(name, 0o755); err != nil {
			return err
		}
	}
	if err := writeMaps(root); err != nil {
		return err
	}
	return copySelf(root)
}

func openRoot(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return os.OpenRoot(dir)
}

func writeSkeleton(root *os.Root) error {
	return fs.WalkDir(skeleton, "files", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := skeleton.ReadFile(path)
		if err != nil {
			return err
		}
		name, mode := strings.TrimPrefix(path, "files/"), fs.FileMode(0o644)
		if base, ok := strings.CutSuffix(name, ".sh"); ok {
			name, mode = base, 0o755
		}
		return writeFile(root, name, data, mode)
	})
}

func writeMaps(root *os.Root) error {
	for name := range strings.FieldsSeq(campaigns) {
		data := fmt.Appendf(nil, "VBSP\x15\x00\x00\x00placeholder of %s\n", name)
		if err := writeFile(root, "left4dead2/maps/"+name+".bsp", data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// writeFile replaces name: an executable that runs can be replaced but not written to.
func writeFile(root *os.Root, name string, data []byte, mode fs.FileMode) error {
	f, err := create(root, name, mode)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

func create(root *os.Root, name string, mode fs.FileMode) (*os.File, error) {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, err
	}
	if err := root.Remove(name); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
}

func copySelf(root *os.Root) error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	self, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = self.Close() }()
	out, err := create(root, "srcds_linux", 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, self); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}
