package about

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"
)

// Save writes down what changed, after forgetting what no build has seen for long, and the pictures of that.
func (s *Store) Save(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(now)
	if !s.changed {
		return nil
	}
	data, err := json.Marshal(s.known)
	if err != nil {
		return err
	}
	if err := s.write(fileName, data); err != nil {
		return err
	}
	s.changed = false
	return s.sweep()
}

// forget drops items that were not seen for long, those beyond the bound, and accounts that made no item.
func (s *Store) forget(now time.Time) {
	ids := slices.SortedFunc(maps.Keys(s.known.Items), func(a, b string) int {
		return cmp.Compare(s.known.Items[b].Seen, s.known.Items[a].Seen)
	})
	creators := map[string]bool{}
	for i, id := range ids {
		if i >= maxItems || past(s.known.Items[id].Seen, keepFor, now) {
			delete(s.known.Items, id)
			s.changed = true
			continue
		}
		creators[s.known.Items[id].Creator] = true
	}
	maps.DeleteFunc(s.known.Accounts, func(id string, _ account) bool { return !creators[id] && !s.busy[id] })
}

// sweep removes pictures of items that are not known, such as those of a store whose file was damaged.
func (s *Store) sweep() error {
	entries, err := fs.ReadDir(s.root.FS(), pictureDir)
	if err != nil {
		return err
	}
	var faults []error
	for _, entry := range entries {
		id, ours := strings.CutSuffix(entry.Name(), ".jpg")
		if ours && s.known.Items[id].Picture == "" {
			faults = append(faults, s.root.Remove(pictureDir+"/"+entry.Name()))
		}
	}
	return errors.Join(faults...)
}

// write replaces a file as a whole.
func (s *Store) write(name string, data []byte) error {
	temporary := name + ".tmp"
	err := s.root.WriteFile(temporary, data, 0o600)
	if err == nil {
		err = s.root.Rename(temporary, name)
	}
	if err != nil {
		_ = s.root.Remove(temporary) // it may never have come to be
	}
	return err
}

// Close releases the directory.
func (s *Store) Close() error { return s.root.Close() }
