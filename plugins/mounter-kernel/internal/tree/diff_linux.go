package tree

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/sdk/mounter"
)

// Diff reports what differs between two trees, files and links only, sorted by path. from may be nil
// for nothing.
func Diff(ctx context.Context, from, to *beneath.Dir, report func(mounter.Change) error) error {
	d := differ{ctx: ctx, report: report}
	return d.dirs(from, to, "")
}

type differ struct {
	ctx    context.Context
	report func(mounter.Change) error
}

// pair is what two directories have under one sort key.
type pair struct {
	key      string // a directory's key ends in "/", so that keys sort as whole paths do
	old, new *Entry
}

func (d differ) dirs(from, to *beneath.Dir, prefix string) error {
	if err := d.ctx.Err(); err != nil {
		return err
	}
	pairs, err := match(from, to)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		if err := d.pair(p, prefix); err != nil {
			return err
		}
	}
	return nil
}

func (d differ) pair(p pair, prefix string) error {
	if strings.HasSuffix(p.key, "/") {
		return d.descend(p, prefix+p.key)
	}
	change := mounter.Change{Path: prefix + p.key}
	switch {
	case p.old == nil:
		change.Kind, change.Size = mounter.Added, uint64(p.new.Stat.Size)
	case p.new == nil:
		change.Kind, change.Size = mounter.Removed, uint64(p.old.Stat.Size)
	default:
		same, err := Same(d.ctx, *p.old, *p.new)
		if err != nil || same {
			return err
		}
		change.Kind, change.Size = mounter.Changed, uint64(p.new.Stat.Size)
	}
	return d.report(change)
}

func (d differ) descend(p pair, prefix string) error {
	from, err := sub(p.old)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := sub(p.new)
	if err != nil {
		return err
	}
	defer to.Close()
	return d.dirs(from, to, prefix)
}

func sub(e *Entry) (*beneath.Dir, error) {
	if e == nil {
		return nil, nil
	}
	return e.Dir.Open(e.Name)
}

func match(from, to *beneath.Dir) ([]pair, error) {
	byKey := map[string]pair{}
	old, err := read(from)
	if err != nil {
		return nil, err
	}
	for key, e := range old {
		byKey[key] = pair{key: key, old: e}
	}
	fresh, err := read(to)
	if err != nil {
		return nil, err
	}
	for key, e := range fresh {
		byKey[key] = pair{key: key, old: byKey[key].old, new: e}
	}
	out := make([]pair, 0, len(byKey))
	for _, p := range byKey {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	return out, nil
}

func read(dir *beneath.Dir) (map[string]*Entry, error) {
	if dir == nil {
		return nil, nil
	}
	entries, err := dir.Entries()
	if err != nil {
		return nil, err
	}
	out := make(map[string]*Entry, len(entries))
	for _, found := range entries {
		e, err := Look(dir, found.Name())
		if err != nil {
			return nil, err
		}
		key := e.Name
		if e.Kind() == unix.S_IFDIR {
			key += "/"
		}
		out[key] = &e
	}
	return out, nil
}
