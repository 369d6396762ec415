package cache

import (
	"encoding/json"
	"os"
	"time"
)

// Slot is the exclusive use of one key. It is not safe for concurrent use; release it.
type Slot struct {
	cache *Cache
	key   Key
	part  *os.File
	free  chan struct{}
	entry Entry
	have  bool
}

// Entry returns what is cached under the key; false if there is nothing.
func (s *Slot) Entry() (Entry, bool) { return s.entry, s.have }

// Part is the file of a download. It is locked; do not close it.
func (s *Slot) Part() *os.File { return s.part }

// Open opens the content and notes that it is used. The caller closes it.
func (s *Slot) Open() (*os.File, error) {
	now := time.Now()
	_ = s.cache.root.Chtimes(contentDir+"/"+s.key.String()+".json", now, now) // only the order of eviction suffers
	return s.cache.root.Open(contentDir + "/" + s.key.String() + ".vpk")
}

// Commit makes the partial file, whose content was checked, the content of the key.
func (s *Slot) Commit(entry Entry) error {
	if err := s.part.Chmod(0o444); err != nil {
		return err
	}
	if err := s.part.Sync(); err != nil {
		return err
	}
	data, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	name, root := s.key.String(), s.cache.root
	// The note first: a content without one does not count, a note without content neither.
	if err := root.WriteFile(contentDir+"/"+name+".json", data, 0o600); err != nil {
		return err
	}
	if err := root.Rename(partialDir+"/"+name+".part", contentDir+"/"+name+".vpk"); err != nil {
		return err
	}
	s.entry, s.have = entry, true
	return nil
}

// Adopt fills the partial file with a file at name beneath from, and removes that.
func (s *Slot) Adopt(from *os.Root, name string) error {
	source, err := from.Open(name)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // read only
	if err := s.part.Truncate(0); err != nil {
		return err
	}
	if _, err := s.part.Seek(0, 0); err != nil {
		return err
	}
	if _, err := s.part.ReadFrom(source); err != nil {
		return err
	}
	return from.Remove(name)
}

// Drop removes the content of the key, for example because it turned out to be damaged.
func (s *Slot) Drop() error {
	s.have = false
	return s.cache.remove(s.key)
}

// Release ends the use. A partial file without content is removed; one with content stays for the next time.
func (s *Slot) Release() {
	if info, err := s.part.Stat(); err == nil && info.Size() == 0 {
		_ = s.cache.root.Remove(partialDir + "/" + s.key.String() + ".part") // an empty leftover does no harm
	}
	_ = s.part.Close() // unlocks
	s.cache.done(s.key, s.free)
}
