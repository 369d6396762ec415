// Package addon knows what add-ons are in overlays: VPK files in left4dead2/addons, the campaigns, chapters and modes
// that they bring, and which of two add-ons wins when both hold the same file.
//
// The mounter alone can read content, so everything here is looked up through it by ids. It does not matter which
// plugin made an overlay: a script may download VPKs as well.
package addon

import (
	"context"

	"github.com/left4me/left4me/agent/internal/content"
)

// Dir is where the game looks for add-ons.
const Dir = "left4dead2/addons"

// File is a VPK file in Dir of a layer.
type File struct {
	Name string `json:"name"` // with .vpk
	Size int64  `json:"size"`
}

// Pack is what one VPK holds. Texts are of strangers, cleaned to one line each.
type Pack struct {
	File
	Title     string // "" if it has no addoninfo.txt
	Author    string
	Version   string
	Campaigns []Campaign
	Maps      []string // names without .bsp, as written
	Problems  []string // what the game may stumble over
	Fault     string   // why it cannot be read at all; "" = it can
}

// Campaign is one mission. Name is what matchmaking knows it by.
type Campaign struct {
	Name  string
	Title string
	Modes []Mode
}

// Mode is a game mode of a campaign with its chapters in order.
type Mode struct {
	Name     string
	Chapters []Chapter
}

// Chapter is one map of a mode. Map is the name for changelevel, in its exact case.
type Chapter struct {
	Number int
	Map    string
	Title  string
}

// Inner is one file inside a pack.
type Inner struct {
	Path string // as the game compares names: lower case, slashes
	CRC  uint32
	Size int64
}

// Source reads add-ons. Implementations are safe for concurrent use; errors are those of content.Browser.
type Source interface {
	// Files lists the VPK files of a layer, sorted by name; none is fine.
	Files(ctx context.Context, layer content.Layer) ([]File, error)
	// Has reports whether a layer has a file at a path.
	Has(ctx context.Context, layer content.Layer, path string) (bool, error)
	// Read looks into one of them and reports what is inside. A VPK that is damaged is no error: see Pack.Fault.
	Read(ctx context.Context, layer content.Layer, file File, report func(Inner)) (Pack, error)
}
