package standin

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/left4me/left4me/sdk/format/vpk/vpktest"
)

// Ids of the demonstration.
const (
	DemoCollection = "3900000001" // everything below, a nested collection and a cycle
	DemoNested     = "3900000002"
	DemoCampaign   = "3900000101"
	DemoPart2      = "3900000103" // resources of a second campaign in two parts
	DemoRemoved    = "3900000201"
	DemoPrivate    = "3900000202"
	DemoOtherGame  = "3900000203"
)

// Demo writes small add-ons into dir and returns a world that serves them: two campaigns (one in two parts), a
// mod without maps, and items that are removed, private or of another game.
func Demo(dir string) (World, error) {
	items := []struct {
		id, title string
		files     []vpktest.File
	}{
		{DemoCampaign, "Harbour Lights", Campaign("harbour", "Harbour Lights", "harbour_m1_docks", "harbour_m2_lighthouse")},
		{"3900000102", "Quiet Valley (part 1)", Campaign("quietvalley", "Quiet Valley", "qv_m1_farm", "qv_m2_mill", "qv_m3_station")},
		{DemoPart2, "Quiet Valley (part 2)", []vpktest.File{addonInfo("Quiet Valley part 2", false), {Name: "materials/qv/wall.vmt", Data: []byte(`"LightmappedGeneric" { }`)}}},
		{"3900000104", "Blue Flashlight", []vpktest.File{addonInfo("Blue Flashlight", false), {Name: "materials/effects/flashlight.vmt", Data: []byte(`"UnlitGeneric" { }`)}}},
	}
	world := World{Players: []Player{{SteamID: "76561198000000001", Name: "Demo Author"}}}
	for _, item := range items {
		path := filepath.Join(dir, item.id+".vpk")
		if err := WritePack(path, item.files); err != nil {
			return World{}, err
		}
		world.Items = append(world.Items, Item{ID: item.id, Title: item.title, File: path, Tags: []string{"Campaigns"}})
	}
	world.Items = append(world.Items,
		Item{ID: DemoRemoved, Result: ResultNotFound},
		Item{ID: DemoPrivate, Result: ResultPrivate},
		Item{ID: DemoOtherGame, Title: "A physics toy", App: 4000, Filename: "toy.gma", Data: []byte("GMAD")},
	)
	world.Collections = []Collection{
		{ID: DemoCollection, Title: "Demo night", Children: []string{
			DemoCampaign, DemoNested, "3900000104", DemoRemoved, DemoPrivate, DemoOtherGame, DemoCollection,
		}},
		{ID: DemoNested, Title: "Quiet Valley, all parts", Children: []string{"3900000102", DemoPart2, DemoCollection}},
	}
	return world, nil
}

// WritePack writes a VPK file.
func WritePack(path string, files []vpktest.File) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := vpktest.Write(out, files, vpktest.Options{}); err != nil {
		_ = out.Close() // the failure that matters is err
		return err
	}
	return out.Close()
}

// Campaign returns the files of a campaign with the given maps in co-op and versus.
func Campaign(name, title string, bsps ...string) []vpktest.File {
	var chapters strings.Builder
	files := []vpktest.File{addonInfo(title, true)}
	for i, bsp := range bsps {
		fmt.Fprintf(&chapters, "\t\t\t\"%d\" { \"Map\" %q \"DisplayName\" \"Chapter %d\" \"Image\" \"maps/%s\" }\n", i+1, bsp, i+1, bsp)
		files = append(files, vpktest.File{Name: "maps/" + bsp + ".bsp", Data: []byte("VBSP\x15\x00\x00\x00" + bsp)})
	}
	mission := fmt.Sprintf("\"mission\"\n{\n\t\"Name\" %q\n\t\"Version\" \"1\"\n\t\"DisplayTitle\" %q\n\t\"Author\" \"left4me\"\n"+
		"\t\"modes\"\n\t{\n\t\t\"coop\"\n\t\t{\n%[3]s\t\t}\n\t\t\"versus\"\n\t\t{\n%[3]s\t\t}\n\t}\n}\n", name, title, chapters.String())
	return append(files, vpktest.File{Name: "missions/" + name + ".txt", Data: []byte(mission)})
}

func addonInfo(title string, campaign bool) vpktest.File {
	content := 0
	if campaign {
		content = 1
	}
	text := fmt.Sprintf("\"AddonInfo\"\n{\n\taddonSteamAppID 550\n\taddontitle %q\n\taddonversion 1\n\taddonauthor \"left4me\"\n\taddonContent_Campaign %d\n}\n", title, content)
	return vpktest.File{Name: "addoninfo.txt", Data: []byte(text)}
}

// Pack returns a VPK with files.
func Pack(files []vpktest.File) []byte { return vpktest.Bytes(files, vpktest.Options{}) }

// Filler returns the files of an add-on of about size bytes.
func Filler(size int64) []vpktest.File {
	return []vpktest.File{addonInfo("Filler", false), {Name: "maps/filler.bsp", Data: []byte("VBSP filler data"), Size: size}}
}
