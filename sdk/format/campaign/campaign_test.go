package campaign_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/sdk/format/campaign"
	"github.com/left4me/left4me/sdk/format/vpk"
	"github.com/left4me/left4me/sdk/format/vpk/vpktest"
)

func pack(t testing.TB, files map[string]string) *vpk.Reader {
	t.Helper()
	var list []vpktest.File
	for name, data := range files {
		list = append(list, vpktest.File{Name: name, Data: []byte(data)})
	}
	data := vpktest.Bytes(list, vpktest.Options{})
	reader, err := vpk.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return reader
}

func TestReadsTheFixture(t *testing.T) {
	reader, err := vpk.Open(filepath.Join("..", "vpk", "testdata", "campaign.v1.vpk"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	}()
	chapters := []campaign.Chapter{
		{Number: 1, Map: "mycamp_m1_Street", Title: "Street", Image: "maps/mycamp_m1"},
		{Number: 2, Map: "mycamp_m2_finale", Title: "Finale", Image: "maps/mycamp_m2"},
	}
	got := campaign.Read(reader)
	want := campaign.Listing{
		Addon: campaign.Addon{
			Title: "My Campaign!", Version: "3", Author: "Me", Tagline: "An epic tale.",
			Description: "A campaign over two lines.", URL: "http://example.invalid/", Content: []string{"Campaign"},
		},
		Campaigns: []campaign.Campaign{{
			Name: "myCampaign", Title: "My Campaign!", Version: "3", Author: "Me",
			Description: "An epic tale.", Website: "http://example.invalid/",
			Modes: []campaign.Mode{{Name: "coop", Chapters: chapters}, {Name: "versus", Chapters: chapters[:1]}},
		}},
	}
	got.Maps, got.Problems = nil, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMissionFilesAreMergedAndSorted(t *testing.T) {
	listing := campaign.Read(pack(t, map[string]string{
		"missions/a.txt": `mission { Name X modes { coop { 10 { map m10 } 2 { map m2 } empty { } } survival { } } }`,
		"missions/b.txt": `mission { Name x DisplayTitle "The X" modes { COOP { 1 { map m1 } 2 { map other } } versus { 1 { map M1 } } } }`,
		"maps/m1.bsp":    "", "maps/m2.bsp": "", "maps/m10.bsp": "",
	}))
	if len(listing.Campaigns) != 1 {
		t.Fatalf("campaigns %+v", listing.Campaigns)
	}
	got := fmt.Sprintf("%v", listing.Campaigns[0].Modes)
	if want := "[{coop [{1 m1  } {2 m2  } {10 m10  }]} {versus [{1 M1  }]}]"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if listing.Campaigns[0].Title != "The X" {
		t.Errorf("title %q", listing.Campaigns[0].Title)
	}
	if problems := strings.Join(listing.Problems, "\n"); !strings.Contains(problems, `"M1", but its file is "m1"`) {
		t.Errorf("problems:\n%s", problems)
	}
}

func TestOddAddonsGiveProblems(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no mission":      {map[string]string{"missions/a.txt": "x y"}, "missions/a.txt has no mission block."},
		"no name":         {map[string]string{"missions/a.txt": "mission { }"}, "A mission in missions/a.txt has no name."},
		"no addoninfo":    {map[string]string{"addoninfo.txt": "x y"}, "addoninfo.txt has no AddonInfo block."},
		"map not in pack": {map[string]string{"missions/a.txt": "mission { Name a modes { coop { 1 { map gone } } } }"}, `"gone", which is not in this file`},
		"too large":       {map[string]string{"addoninfo.txt": strings.Repeat(" ", campaign.MaxFile+1)}, "Cannot read addoninfo.txt"},
	} {
		t.Run(name, func(t *testing.T) {
			listing := campaign.Read(pack(t, test.files))
			if got := strings.Join(listing.Problems, "\n"); !strings.Contains(got, test.want) {
				t.Errorf("problems %q, want %q", got, test.want)
			}
		})
	}
}

func TestTextOfStrangersIsCleaned(t *testing.T) {
	listing := campaign.Read(pack(t, map[string]string{
		"addoninfo.txt": "AddonInfo { addontitle \"a\x1b[31mb\nc\" addonauthor \"" + strings.Repeat("é", 600) + "\" }",
	}))
	if listing.Addon.Title != "a [31mb c" {
		t.Errorf("title %q", listing.Addon.Title)
	}
	if n := len([]rune(listing.Addon.Author)); n != 501 {
		t.Errorf("author has %d characters", n)
	}
}

func TestConflicts(t *testing.T) {
	packs := []campaign.Pack{
		{Name: "1.vpk", Reader: pack(t, map[string]string{"addoninfo.txt": "1", "maps/Streets.bsp": "one", "a.txt": "same", "z.txt": "1"})},
		{Name: "2.vpk", Reader: pack(t, map[string]string{"addoninfo.txt": "2", "maps/streets.bsp": "two", "a.txt": "same", "z.txt": "2"})},
		{Name: "3.vpk", Reader: pack(t, map[string]string{"maps/streets.bsp": "three", "only.txt": "x"})},
	}
	want := []campaign.Conflict{
		{Path: "maps/streets.bsp", Map: true, Winner: "1.vpk", Losers: []string{"2.vpk", "3.vpk"}},
		{Path: "z.txt", Winner: "1.vpk", Losers: []string{"2.vpk"}},
	}
	if diff := cmp.Diff(want, campaign.Conflicts(packs)); diff != "" {
		t.Error(diff)
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"example.wiki-shape.txt", "broken.utf16le.txt", "example.addoninfo.txt"} {
		data, err := os.ReadFile(filepath.Join("..", "keyvalues", "testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data), string(data))
	}
	f.Fuzz(func(t *testing.T, info, mission string) {
		listing := campaign.Read(pack(t, map[string]string{"addoninfo.txt": info, "missions/m.txt": mission}))
		for _, found := range listing.Campaigns {
			for _, mode := range found.Modes {
				for i, chapter := range mode.Chapters {
					if chapter.Map == "" || i > 0 && mode.Chapters[i-1].Number >= chapter.Number {
						t.Fatalf("chapters of %q are wrong: %+v", mode.Name, mode.Chapters)
					}
				}
			}
		}
	})
}
