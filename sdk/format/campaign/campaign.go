// Package campaign lists what an add-on of Left 4 Dead 2 brings: its addoninfo.txt, and the campaigns with their
// chapters per game mode from its mission files.
//
// The mission format is described on Valve's developer wiki, "L4D2 Mission Files" and "Addoninfo.txt". Several
// mission files with the same name in one pack are one campaign. Add-ons come from strangers: all sizes are
// bounded, and what is odd ends up in Listing.Problems in place of an error.
package campaign

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/left4me/left4me/sdk/format/keyvalues"
	"github.com/left4me/left4me/sdk/format/vpk"
)

// Limits of what is read from one pack.
const (
	MaxFile     = 1 << 20 // bytes of one addoninfo or mission file
	MaxMissions = 100     // mission files
	MaxProblems = 50
)

// Listing is what one pack brings.
type Listing struct {
	Addon     Addon
	Campaigns []Campaign
	Maps      []string // names of the maps in the pack, without directory and extension, as written, sorted
	Problems  []string // sentences for a person
}

// Addon is the content of addoninfo.txt. Fields are as the author wrote them and may be empty.
type Addon struct {
	Title       string
	Version     string
	Author      string
	Tagline     string
	Description string
	URL         string
	Content     []string // what it says to hold, such as "Campaign" or "Survivor"
}

// Campaign is one mission.
type Campaign struct {
	Name        string // matchmaking id
	Title       string // DisplayTitle; a token such as "#L4D360UI_…" for official ones
	Version     string
	Author      string
	Description string
	Website     string
	Modes       []Mode
}

// Mode is a game mode ("coop", "versus", …) with its chapters in order.
type Mode struct {
	Name     string
	Chapters []Chapter
}

// Chapter is one map of a campaign.
type Chapter struct {
	Number int
	Map    string // name without extension, with the case that the mission file has
	Title  string
	Image  string
}

// Read lists what a pack brings. It never fails: faults are in Listing.Problems.
func Read(pack *vpk.Reader) Listing {
	var out Listing
	var missions []*vpk.File
	for _, file := range pack.Files() {
		name := strings.ToLower(strings.ReplaceAll(file.Name, `\`, "/"))
		switch directory, base := path.Split(name); {
		case directory == "missions/" && path.Ext(base) == ".txt":
			missions = append(missions, file)
		case directory == "maps/" && path.Ext(base) == ".bsp":
			out.Maps = append(out.Maps, path.Base(file.Name[:len(file.Name)-len(".bsp")]))
		}
	}
	slices.Sort(out.Maps)
	if info := pack.Lookup("addoninfo.txt"); info != nil {
		out.addon(info)
	}
	if len(missions) > MaxMissions {
		out.problem("It has %d mission files; only the first %d were read.", len(missions), MaxMissions)
		missions = missions[:MaxMissions]
	}
	for _, file := range missions {
		out.mission(file)
	}
	out.missingMaps()
	return out
}

func (l *Listing) problem(format string, args ...any) {
	if len(l.Problems) < MaxProblems {
		l.Problems = append(l.Problems, fmt.Sprintf(format, args...))
	}
}

// document reads a KeyValues file of the pack; nil if it cannot be read.
func (l *Listing) document(file *vpk.File) *keyvalues.Document {
	data, err := file.ReadAll(MaxFile)
	if err != nil {
		l.problem("Cannot read %s: %v.", file.Name, err)
		return nil
	}
	return keyvalues.Parse(data)
}

func (l *Listing) addon(file *vpk.File) {
	doc := l.document(file)
	if doc == nil {
		return
	}
	info := doc.Find("AddonInfo")
	l.Addon = Addon{
		Title: clean(info.Text("addontitle")), Version: clean(info.Text("addonversion")),
		Author: clean(info.Text("addonauthor")), Tagline: clean(info.Text("addontagline")),
		Description: clean(info.Text("addondescription")), URL: clean(info.Text("addonurl0")),
	}
	if info == nil {
		l.problem("%s has no AddonInfo block.", file.Name)
		return
	}
	for _, child := range info.Children {
		kind, isContent := cutPrefixFold(child.Key, "addoncontent_")
		if value := strings.TrimSpace(child.Value); isContent && value != "" && value != "0" {
			l.Addon.Content = append(l.Addon.Content, clean(kind))
		}
	}
}

func cutPrefixFold(text, prefix string) (string, bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}

func (l *Listing) mission(file *vpk.File) {
	doc := l.document(file)
	if doc == nil {
		return
	}
	roots := doc.All("mission")
	if len(roots) == 0 {
		l.problem("%s has no mission block.", file.Name)
	}
	for _, root := range roots {
		name := clean(root.Text("Name"))
		if name == "" {
			base := path.Base(strings.ReplaceAll(file.Name, `\`, "/"))
			name = strings.TrimSuffix(base, path.Ext(base))
			l.problem("A mission in %s has no name.", file.Name)
		}
		found := l.campaign(name)
		fill(&found.Title, root.Text("DisplayTitle"))
		fill(&found.Version, root.Text("Version"))
		fill(&found.Author, root.Text("Author"))
		fill(&found.Description, root.Text("Description"))
		fill(&found.Website, root.Text("Website"))
		for _, modes := range root.All("modes") {
			for _, mode := range modes.Children {
				found.mode(mode)
			}
		}
	}
}

// campaign returns the campaign with a name, ignoring case, and adds it if it is new.
func (l *Listing) campaign(name string) *Campaign {
	for i := range l.Campaigns {
		if strings.EqualFold(l.Campaigns[i].Name, name) {
			return &l.Campaigns[i]
		}
	}
	l.Campaigns = append(l.Campaigns, Campaign{Name: name})
	return &l.Campaigns[len(l.Campaigns)-1]
}

// fill sets a text that is still empty.
func fill(into *string, text string) { *into = cmp.Or(*into, clean(text)) }

// mode adds the chapters of a block such as "coop"; blocks without chapters are left out.
func (c *Campaign) mode(block *keyvalues.Node) {
	if !block.Block || block.ForConsole() {
		return
	}
	name := strings.ToLower(clean(block.Key))
	var chapters []Chapter
	for _, child := range block.Children {
		number, err := strconv.Atoi(strings.TrimSpace(child.Key))
		bsp := clean(child.Text("Map"))
		if err != nil || bsp == "" || child.ForConsole() {
			continue
		}
		chapters = append(chapters, Chapter{
			Number: number, Map: bsp, Title: clean(child.Text("DisplayName")), Image: clean(child.Text("Image")),
		})
	}
	if len(chapters) == 0 {
		return
	}
	i := slices.IndexFunc(c.Modes, func(mode Mode) bool { return mode.Name == name })
	if i < 0 {
		i = len(c.Modes)
		c.Modes = append(c.Modes, Mode{Name: name})
	}
	c.Modes[i].add(chapters)
}

// add keeps chapters in numeric order; the first of two with the same number stays.
func (m *Mode) add(chapters []Chapter) {
	m.Chapters = append(m.Chapters, chapters...)
	slices.SortStableFunc(m.Chapters, func(a, b Chapter) int { return cmp.Compare(a.Number, b.Number) })
	m.Chapters = slices.CompactFunc(m.Chapters, func(a, b Chapter) bool { return a.Number == b.Number })
}

// missingMaps reports chapters whose map the pack does not hold, and maps that only differ in case, which Linux
// servers do not find.
func (l *Listing) missingMaps() {
	have := make(map[string]string, len(l.Maps))
	for _, name := range l.Maps {
		have[strings.ToLower(name)] = name
	}
	said := make(map[string]bool)
	for _, found := range l.Campaigns {
		for _, mode := range found.Modes {
			for _, chapter := range mode.Chapters {
				name, there := have[strings.ToLower(chapter.Map)]
				switch {
				case said[chapter.Map]:
				case !there:
					l.problem("Campaign %q names the map %q, which is not in this file.", found.Name, chapter.Map)
				case name != chapter.Map:
					l.problem("Campaign %q names the map %q, but its file is %q.", found.Name, chapter.Map, name)
				}
				said[chapter.Map] = true
			}
		}
	}
}

// clean makes text of strangers fit for one line: control characters become blanks, 500 characters at most.
func clean(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7F || r >= 0x80 && r < 0xA0 }), " ")
	text = strings.TrimSpace(text)
	if runes := []rune(text); len(runes) > 500 {
		return string(runes[:500]) + "…"
	}
	return text
}
