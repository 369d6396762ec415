// Package about keeps what is known of items and their authors beside the content: names and thumbnails. It is the memory
// that makes asking rare: each preview is fetched once for each address it has, each name once in a week.
//
//	<dir>/about.json            what is known of items and accounts
//	<dir>/pictures/<item>.jpg   thumbnails
//
// All of it can be had again, so a file that is damaged counts as empty. Times are given by the caller.
package about

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/persona"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/workshop"
	"github.com/left4me/left4me/sdk/builder"
)

// How long things are believed.
const (
	nameFor    = 7 * 24 * time.Hour  // a name
	againAfter = 24 * time.Hour      // an account without a name, an address without a picture
	keepFor    = 90 * 24 * time.Hour // an item that no build has seen
	seenEvery  = 24 * time.Hour      // how exactly that is known
	maxItems   = 20_000
)

const (
	fileName   = "about.json"
	pictureDir = "pictures"
	maxFile    = 64 << 20
)

// item is what is known of an item.
type item struct {
	Creator string `json:"creator,omitempty"` // SteamID64
	Preview string `json:"preview,omitempty"` // address that Picture was made of
	Picture string `json:"picture,omitempty"` // changes with the thumbnail; "" without one
	Tried   int64  `json:"tried,omitempty"`   // Unix time of the last try that gave no picture
	Seen    int64  `json:"seen"`              // Unix time
}

// account is what is known of an author.
type account struct {
	Name  string `json:"name,omitempty"`
	Asked int64  `json:"asked"` // Unix time of the last answer
}

type contents struct {
	Version  int                `json:"version"` // of this form: 1
	Items    map[string]item    `json:"items"`
	Accounts map[string]account `json:"accounts"`
}

// Store is a directory of names and thumbnails. It is safe for concurrent use.
type Store struct {
	root *os.Root

	mu      sync.Mutex
	known   contents
	changed bool
	busy    map[string]bool // previews and names that somebody fetches
}

// Open makes or opens the store at dir.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	if err := root.Mkdir(pictureDir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, errors.Join(err, root.Close())
	}
	s := &Store{root: root, busy: map[string]bool{}}
	if info, err := root.Stat(fileName); err == nil && info.Size() <= maxFile {
		if data, err := root.ReadFile(fileName); err == nil && json.Unmarshal(data, &s.known) != nil {
			s.known = contents{}
		}
	}
	if s.known.Version != 1 || s.known.Items == nil || s.known.Accounts == nil {
		s.known = contents{Version: 1, Items: map[string]item{}, Accounts: map[string]account{}}
	}
	return s, nil
}

// Work is what is worth fetching. Each entry belongs to the caller until it is given back by the method that takes its
// outcome, or by Leave.
type Work struct {
	Previews []Preview
	Accounts []string
}

// Preview is the address of an item's preview.
type Preview struct{ Item, URL string }

// See notes items of a build and returns what is to be fetched of them.
func (s *Store) See(items []workshop.Item, now time.Time) Work {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out Work
	for _, info := range items {
		if !workshop.ValidID(info.ID) {
			continue
		}
		known, before := s.known.Items[info.ID]
		if !before || now.Sub(time.Unix(known.Seen, 0)) > seenEvery || info.Creator != "" && known.Creator != info.Creator {
			known.Seen, s.changed = now.Unix(), true
			if info.Creator != "" {
				known.Creator = info.Creator
			}
			s.known.Items[info.ID] = known
		}
		if info.Preview != "" && (info.Preview != known.Preview || known.Picture == "" && past(known.Tried, againAfter, now)) && s.take(info.ID) {
			out.Previews = append(out.Previews, Preview{Item: info.ID, URL: info.Preview})
		}
		if persona.ValidID(known.Creator) && s.wantsName(known.Creator, now) && s.take(known.Creator) {
			out.Accounts = append(out.Accounts, known.Creator)
		}
	}
	return out
}

func past(unix int64, span time.Duration, now time.Time) bool {
	return now.Sub(time.Unix(unix, 0)) > span
}

func (s *Store) wantsName(id string, now time.Time) bool {
	known, before := s.known.Accounts[id]
	if !before {
		return true
	}
	if known.Name == "" {
		return past(known.Asked, againAfter, now)
	}
	return past(known.Asked, nameFor, now)
}

// take makes a thing the caller's, unless somebody has it. Items and accounts have ids of different lengths.
func (s *Store) take(id string) bool {
	taken := s.busy[id]
	s.busy[id] = true
	return !taken
}

// PutPicture keeps the thumbnail that was made of a preview; nil means that there is none to be had at its address.
func (s *Store) PutPicture(of Preview, thumbnail []byte, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, of.Item)
	name := pictureDir + "/" + of.Item + ".jpg"
	known := s.known.Items[of.Item]
	known.Preview, known.Picture, known.Tried = of.URL, "", now.Unix()
	if thumbnail != nil {
		if err := s.write(name, thumbnail); err != nil {
			return err
		}
		sum := sha256.Sum256(thumbnail)
		known.Picture, known.Tried = hex.EncodeToString(sum[:8]), 0
	} else if err := s.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.known.Items[of.Item], s.changed = known, true
	return nil
}

// PutName keeps the name of an account; "" means that it has none. A name that was known before stays then.
func (s *Store) PutName(id, name string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, id)
	if name == "" {
		name = s.known.Accounts[id].Name
	}
	s.known.Accounts[id], s.changed = account{Name: name, Asked: now.Unix()}, true
}

// Leave gives work back without an outcome.
func (s *Store) Leave(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		delete(s.busy, id)
	}
}

// Describe returns what is known of items.
func (s *Store) Describe(items []string) []builder.Description {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []builder.Description
	for _, id := range items {
		known := s.known.Items[id]
		d := builder.Description{Item: id, Author: s.known.Accounts[known.Creator].Name, Picture: known.Picture}
		if d.Author != "" || d.Picture != "" {
			out = append(out, d)
		}
	}
	return out
}

// Picture returns the thumbnail of an item, or an error that wraps fs.ErrNotExist.
func (s *Store) Picture(id string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known.Items[id].Picture == "" {
		return nil, fs.ErrNotExist
	}
	return s.root.ReadFile(pictureDir + "/" + id + ".jpg")
}
