package admit

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/tree"
	"github.com/left4me/left4me/sdk"
)

// Input is a base with an overlayfs upper over it that is no longer mounted.
type Input struct {
	Base       *beneath.Dir // nil when there is none
	BaseTotals tree.Totals
	Upper      *beneath.Dir
	UserXattr  bool // the upper's marks are in user.overlay.*
}

// maxNotes bounds what a commit has to say.
const maxNotes = 100

// Plan is the outcome of an inspection that refused nothing.
type Plan struct {
	Totals                  tree.Totals // of the result
	Added, Removed, Changed uint64      // files and links, against the base

	input Input
	same  map[string]bool // new entries that equal the base's in everything kept
	notes []string
	more  int
}

// Notes tells what was mended, at most 100 sentences.
func (p *Plan) Notes() []string {
	if p.more == 0 {
		return p.notes
	}
	return append(p.notes[:maxNotes-1:maxNotes-1], fmt.Sprintf("And %d more.", p.more+1))
}

func (p *Plan) note(format string, args ...any) {
	if len(p.notes) == maxNotes {
		p.more++
		return
	}
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// Inspect checks and counts. A refusal is an *sdk.Error with code invalid that names the entry.
func Inspect(ctx context.Context, input Input, limits Limits) (*Plan, error) {
	i := inspector{
		ctx: ctx, limits: limits, links: map[file]int{},
		plan: &Plan{input: input, Totals: input.BaseTotals, same: map[string]bool{}},
	}
	if err := i.dir(input.Base, input.Upper, "", false); err != nil {
		return nil, err
	}
	if err := i.outside(); err != nil {
		return nil, err
	}
	return i.plan, i.bounded()
}

type inspector struct {
	ctx    context.Context
	limits Limits
	plan   *Plan
	links  map[file]int // names still to be found of files with several
	last   map[file]string
}

type file struct{ dev, ino uint64 }

// dir inspects upper over base, which is nil where there is none. hides: nothing of the base shows through, because a
// script removed the directory and made it again; files that came back as they were are shared all the same.
func (i *inspector) dir(base, upper *beneath.Dir, at string, hides bool) error {
	if err := i.ctx.Err(); err != nil {
		return err
	}
	entries, err := upper.Entries()
	if err != nil {
		return err
	}
	names := newCases(i.plan, at)
	for _, found := range entries {
		fresh, err := tree.Look(upper, found.Name())
		if err != nil {
			return err
		}
		names.see(fresh)
		if err := i.entry(base, fresh, at+found.Name(), hides); err != nil {
			return err
		}
	}
	if hides {
		return i.rest(base, names.upper)
	}
	return names.compare(base)
}

// rest counts what was in a directory of the base and is not in the one that took its place.
func (i *inspector) rest(base *beneath.Dir, upper map[string]bool) error {
	if base == nil {
		return nil
	}
	entries, err := base.Entries()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if upper[e.Name()] {
			continue
		}
		old, err := tree.Look(base, e.Name())
		if err == nil {
			err = i.gone(old)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (i *inspector) entry(base *beneath.Dir, fresh tree.Entry, name string, hides bool) error {
	old, err := lookup(base, fresh.Name)
	if err != nil {
		return err
	}
	if old != nil && fresh.Kind() == unix.S_IFCHR && fresh.Stat.Rdev == 0 {
		return i.gone(*old)
	}
	if err := checkName(name, i.limits); err != nil {
		return err
	}
	switch fresh.Kind() {
	case unix.S_IFDIR:
		return i.subdir(old, fresh, name, hides)
	case unix.S_IFREG, unix.S_IFLNK:
		return i.file(old, fresh, name)
	}
	return refuse(name, kindName(fresh.Stat.Mode)).WithHint("Remove it in the script: only files, directories and links can be kept.")
}

func lookup(dir *beneath.Dir, name string) (*tree.Entry, error) {
	if dir == nil {
		return nil, nil
	}
	there, err := dir.Exists(name)
	if err != nil || !there {
		return nil, err
	}
	e, err := tree.Look(dir, name)
	return &e, err
}

// gone counts an entry of the base that the result does not have.
func (i *inspector) gone(old tree.Entry) error {
	t, err := tree.MeasureEntry(i.ctx, old.Dir, old.Name)
	if err != nil {
		return err
	}
	i.plan.Totals.Subtract(t)
	i.plan.Removed += t.Files
	return nil
}

func (i *inspector) subdir(old *tree.Entry, fresh tree.Entry, name string, hides bool) error {
	upper, err := fresh.Dir.Open(fresh.Name)
	if err != nil {
		return err
	}
	defer upper.Close()
	own, err := opaque(upper, i.plan.input.UserXattr)
	if err != nil {
		return err
	}
	if old != nil && old.Kind() == unix.S_IFDIR {
		base, err := old.Dir.Open(old.Name)
		if err != nil {
			return err
		}
		defer base.Close()
		return i.dir(base, upper, name+"/", hides || own)
	}
	if old != nil {
		if err := i.gone(*old); err != nil {
			return err
		}
	}
	i.plan.Totals.Dirs++
	if err := i.bounded(); err != nil {
		return err
	}
	return i.dir(nil, upper, name+"/", false)
}

func (i *inspector) file(old *tree.Entry, fresh tree.Entry, name string) error {
	if err := i.checkFile(fresh, name); err != nil {
		return err
	}
	same := false
	if old != nil {
		var err error
		if same, err = tree.Same(i.ctx, *old, fresh); err != nil {
			return err
		}
		if same && kept(*old, fresh) {
			i.plan.same[name] = true
			return nil
		}
		if err := i.gone(*old); err != nil {
			return err
		}
		if old.Kind() != unix.S_IFDIR { // it is replaced, not removed
			i.plan.Removed--
		}
	}
	i.plan.Totals.Add(fresh.Stat)
	switch {
	case old == nil || old.Kind() == unix.S_IFDIR:
		i.plan.Added++
	case !same:
		i.plan.Changed++
	}
	return i.bounded()
}

// kept reports whether the base's file can stand in for one with equal content: scripts look at the
// time of a file to find out whether it is new.
func kept(old, fresh tree.Entry) bool {
	return fresh.Kind() == unix.S_IFLNK || old.Stat.Mtim == fresh.Stat.Mtim
}

// bounded refuses a result that is too large.
func (i *inspector) bounded() error {
	t := i.plan.Totals
	switch {
	case t.Bytes > i.limits.Bytes:
		return tooLarge(i.limits.Bytes)
	case t.Weight > i.limits.Weight:
		return tooLarge(i.limits.Weight)
	case t.Entries() > i.limits.Entries:
		return sdk.Errorf(sdk.CodeInvalid, "The overlay has more than %d files and directories.", i.limits.Entries).
			WithHint("Remove what the game does not need, or ask the operator for a higher limit.")
	}
	return nil
}

func tooLarge(limit uint64) error {
	return sdk.Errorf(sdk.CodeInvalid, "The overlay is larger than the limit of %s.", size(limit)).
		WithHint("Make it smaller, or ask the operator for a higher limit.")
}

func size(n uint64) string {
	const units = "KMGTP"
	if n < 1024 {
		return fmt.Sprintf("%d bytes", n)
	}
	value, unit := float64(n)/1024, 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	return fmt.Sprintf("%.4g %ciB", value, units[unit])
}
