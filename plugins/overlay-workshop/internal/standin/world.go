// Package standin is a stand-in for the Steam Web API and its CDN, as far as the Workshop needs them: items,
// collections, downloads with Range, the version check and player summaries, with switches for everything that goes
// wrong in reality.
//
// It answers as the real service was recorded to answer: form POST only, ids as strings, failed items as
// {"publishedfileid", "result"} alone, one immutable URL per content. It is used by tests, benchmarks and the
// demonstration, and listens on loopback only by its callers' choice.
package standin

import (
	"cmp"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Results of an item, as the API has them.
const (
	ResultOK       = 1
	ResultNotFound = 9
	ResultPrivate  = 15
)

// GameApp is the id of Left 4 Dead 2.
const GameApp = 550

// World is what the service knows. It is read from JSON; see [Load].
type World struct {
	Items           []Item       `json:"items"`
	Collections     []Collection `json:"collections"`
	RequiredVersion int          `json:"required_version,omitempty"` // of the game; 0 is 2243
	Players         []Player     `json:"players,omitempty"`
}

// Item is one Workshop item. Zero values mean the ordinary case.
type Item struct {
	ID           string   `json:"id"`
	Title        string   `json:"title"`
	File         string   `json:"file,omitempty"`    // path of the VPK; relative to the description
	Data         []byte   `json:"-"`                 // content in place of File
	Content      string   `json:"content,omitempty"` // hcontent_file; "" is derived from id and update time
	Size         int64    `json:"size,omitempty"`    // file_size; 0 is the size of the content
	Updated      int64    `json:"updated,omitempty"` // Unix time; 0 is a fixed day
	Creator      string   `json:"creator,omitempty"` // SteamID64
	App          int      `json:"app,omitempty"`     // consumer_app_id; 0 is the game's
	Result       int      `json:"result,omitempty"`  // 0 is ResultOK
	Banned       bool     `json:"banned,omitempty"`
	BanReason    string   `json:"ban_reason,omitempty"`
	Filename     string   `json:"filename,omitempty"`
	Tags         []string `json:"tags,omitempty"`
	NoURL        bool     `json:"no_url,omitempty"`        // SteamPipe item: empty file_url
	PreviewAsURL bool     `json:"preview_url,omitempty"`   // SteamPipe item: file_url is the preview
	NumberSize   bool     `json:"number_size,omitempty"`   // file_size as a number, as in old answers
	PlainURL     bool     `json:"plain_url,omitempty"`     // http URL although the stand-in speaks https
	URL          string   `json:"url,omitempty"`           // file_url in place of the stand-in's own
	Fault        Fault    `json:"fault,omitzero"`          // of its downloads
	Preview      []byte   `json:"preview,omitempty"`       // picture; empty is one that is made
	PreviewURL   string   `json:"preview_at,omitempty"`    // in place of the stand-in's own
	PreviewFault Fault    `json:"preview_fault,omitzero"`  // of its preview
	UnknownItem  bool     `json:"unknown_item,omitempty"`  // left out of answers altogether
	DownloadCode int      `json:"download_code,omitempty"` // HTTP status of every download; 0 is the ordinary one
}

// Fault is what goes wrong with the downloads of an item. Each applies to the next Times requests; Times 0 is
// for ever.
type Fault struct {
	CutAfter    int64  `json:"cut_after,omitempty"`   // bytes after which the connection breaks
	CorruptAt   int64  `json:"corrupt_at,omitempty"`  // position of a wrong byte
	HTML        bool   `json:"html,omitempty"`        // a web page with status 200
	WrongLength bool   `json:"wrong_length,omitzero"` // half of the file, with a length to match
	NoRange     bool   `json:"no_range,omitempty"`    // Range is ignored
	Status      int    `json:"status,omitempty"`      // an HTTP error
	RetryAfter  int    `json:"retry_after,omitempty"` // seconds, with Status
	Rate        int64  `json:"rate,omitempty"`        // bytes a second; 0 is as fast as it goes
	Redirect    string `json:"redirect,omitempty"`    // a place to send the client to
	Times       int    `json:"times,omitempty"`
}

// Collection is a Workshop collection. Children may name collections, itself included.
type Collection struct {
	ID       string   `json:"id"`
	Title    string   `json:"title"`
	Children []string `json:"children"`
	NoList   bool     `json:"no_list,omitempty"` // result 1 without children, as some answers were
}

// Player is a Steam account for GetPlayerSummaries and the profile pages.
type Player struct {
	SteamID string `json:"steamid"`
	Name    string `json:"personaname"`
}

// Load reads a description and finds the files it names beside it.
func Load(path string) (World, error) {
	var world World
	data, err := os.ReadFile(path)
	if err != nil {
		return world, err
	}
	if err := json.Unmarshal(data, &world); err != nil {
		return world, fmt.Errorf("%s: %w", path, err)
	}
	var faults []error
	for i := range world.Items {
		item := &world.Items[i]
		if item.File != "" && !filepath.IsAbs(item.File) {
			item.File = filepath.Join(filepath.Dir(path), item.File)
		}
		if item.File != "" {
			_, err := os.Stat(item.File)
			faults = append(faults, err)
		}
	}
	return world, errors.Join(faults...)
}

// content returns the id of the item's content.
func (i *Item) content() string {
	if i.Content != "" {
		return i.Content
	}
	sum := sha1.Sum([]byte(i.ID + "/" + fmt.Sprint(i.updated())))
	number := uint64(sum[0])<<48 | uint64(sum[1])<<40 | uint64(sum[2])<<32 | uint64(sum[3])<<24 | uint64(sum[4])<<16 | uint64(sum[5])
	return fmt.Sprint(1_000_000_000_000_000_000 + number)
}

func (i *Item) updated() int64 { return cmp.Or(i.Updated, 1_740_856_166) }

// Path is the place of the item's content on the CDN.
func (i *Item) Path() string {
	sum := sha1.Sum([]byte("content/" + i.content()))
	return "/ugc/" + i.content() + "/" + hexUpper(sum[:]) + "/"
}

func hexUpper(data []byte) string {
	const digits = "0123456789ABCDEF"
	out := make([]byte, hex.EncodedLen(len(data)))
	for i, c := range data {
		out[2*i], out[2*i+1] = digits[c>>4], digits[c&15]
	}
	return string(out)
}

// size returns file_size.
func (i *Item) size() int64 {
	if i.Size != 0 || i.Data != nil {
		return cmp.Or(i.Size, int64(len(i.Data)))
	}
	info, err := os.Stat(i.File)
	if err != nil {
		return 0
	}
	return info.Size()
}
