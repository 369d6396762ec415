package disk

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
)

// Repair removes what a process that died left half made or half deleted. It leaves alone what a
// commit of a running mounter is at. It goes on after an error and returns all of them.
func (r *Root) Repair() error {
	errs := []error{sweep(r.Builds, nil), sweep(r.Servers, nil), sweep(r.Installations, r.abandoned)}
	overlays, err := IDs(r.Overlays)
	errs = append(errs, err)
	for _, overlay := range overlays {
		errs = append(errs, r.sweepIn(r.Overlays, overlay, r.abandoned), r.removeEmpty(overlay))
	}
	servers, err := IDs(r.Servers)
	errs = append(errs, err)
	for _, server := range servers {
		errs = append(errs, r.sweepIn(r.Servers, server, nil))
	}
	return errors.Join(errs...)
}

// removeEmpty takes away the directory of an overlay without content: a process died between the removal of
// its last revision and this. Who commits to it holds its lock.
func (r *Root) removeEmpty(overlay string) error {
	dir, err := r.Overlays.Open(overlay)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	if !dir.TryLock() {
		return nil
	}
	entries, err := dir.Entries()
	if err != nil || len(entries) > 0 {
		return err
	}
	return r.Overlays.Rmdir(overlay)
}

func (r *Root) sweepIn(parent *beneath.Dir, name string, abandoned func(string) bool) error {
	dir, err := parent.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return sweep(dir, abandoned)
}

// sweep removes the rubbish in one directory. abandoned tells whether nobody works for a build; nil
// means that dir holds no half-made content.
func sweep(dir *beneath.Dir, abandoned func(build string) bool) error {
	rubbish, err := names(dir, func(name string) bool {
		if build, is := strings.CutPrefix(name, newPrefix); is {
			return abandoned != nil && abandoned(build)
		}
		return strings.HasPrefix(name, gonePrefix)
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range rubbish {
		errs = append(errs, dir.RemoveAll(name))
	}
	if abandoned != nil {
		errs = append(errs, sweepRecords(dir))
	}
	return errors.Join(errs...)
}

// abandoned reports whether no process holds the lock of a build.
func (r *Root) abandoned(build string) bool {
	dir, err := r.Builds.Open(build)
	if err != nil {
		return true
	}
	defer dir.Close()
	return dir.TryLock()
}

// sweepRecords removes records whose content never got its name. A record is older than its content
// and younger than the half-made one, so while there is a half-made one, records stay.
func sweepRecords(dir *beneath.Dir) error {
	busy, err := names(dir, func(name string) bool { return strings.HasPrefix(name, newPrefix) })
	if err != nil || len(busy) > 0 {
		return err
	}
	records, err := names(dir, func(name string) bool {
		return strings.HasPrefix(name, recordPrefix) || strings.HasPrefix(name, tempPrefix)
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range records {
		content := strings.TrimSuffix(strings.TrimPrefix(name, recordPrefix), recordSuffix)
		if content == name { // half a record
			errs = append(errs, dir.Unlink(name))
			continue
		}
		there, err := dir.Exists(content)
		if err != nil || there {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, dir.Unlink(name))
	}
	return errors.Join(errs...)
}
