package disk

import (
	"crypto/rand"
	"errors"
	"io/fs"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
)

// Throw renames name in parent out of sight, in one step, and returns what it is called now, or ""
// when there was nothing. What is mounted from it goes on working until [Burn]. It stays in the same
// directory, because the parts of a tree may be on different disks.
func Throw(parent *beneath.Dir, name string) (thrown string, err error) {
	thrown = gonePrefix + rand.Text()
	err = parent.Rename(name, parent, thrown)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return thrown, nil
}

// Burn deletes what Throw returned. A crash before its end is made up for by [Root.Repair].
func Burn(parent *beneath.Dir, thrown string) error {
	if thrown == "" {
		return nil
	}
	return parent.RemoveAll(thrown)
}

// Remove throws and burns.
func Remove(parent *beneath.Dir, name string) (existed bool, err error) {
	thrown, err := Throw(parent, name)
	if err != nil {
		return false, err
	}
	return thrown != "", Burn(parent, thrown)
}

// Scratch makes an empty directory on the file system of uppers. A crash leaves rubbish for [Root.Repair]. Call remove when done with it.
func (r *Root) Scratch() (dir *beneath.Dir, remove func() error, err error) {
	name := gonePrefix + rand.Text()
	dir, err = r.Builds.Ensure(name, 0o700)
	if err != nil {
		return nil, nil, err
	}
	return dir, func() error {
		dir.Close()
		return r.Builds.RemoveAll(name)
	}, nil
}
