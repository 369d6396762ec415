package admit

import (
	"context"
	"fmt"
	"io/fs"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/tree"
)

// Modes of admitted content. The group may write, so that builders of several users can go on with
// each other's trees.
const (
	dirMode  = 0o775
	fileMode = 0o664
	execMode = 0o775
)

// Owner is whom admitted content belongs to.
type Owner struct{ UID, GID int }

// Compose makes the new tree in the empty directory to, which must be where nobody else can reach it.
// It returns how many bytes are shared with the base.
func (p *Plan) Compose(ctx context.Context, to *beneath.Dir, owner Owner) (shared uint64, err error) {
	c := &composer{plan: p, owner: owner, slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
	c.ctx, c.stop = context.WithCancelCause(ctx)
	defer c.stop(nil)
	if err := own(to, owner, unix.Fchown); err != nil {
		return 0, err
	}
	c.fail(c.dir(p.input.Base, p.input.Upper, to, "", false))
	c.running.Wait()
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return p.Totals.Bytes - min(c.fresh.Bytes, p.Totals.Bytes), p.checkLinks(to, c.links)
}

type composer struct {
	ctx     context.Context
	stop    context.CancelCauseFunc
	plan    *Plan
	owner   Owner
	slots   chan struct{}
	running sync.WaitGroup

	mu    sync.Mutex
	links []string
	fresh tree.Totals // what came from the upper
}

func (c *composer) fail(err error) {
	if err != nil {
		c.stop(err)
	}
}

func (c *composer) link(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.links = append(c.links, name)
}

func own(dir *beneath.Dir, owner Owner, chown func(fd, uid, gid int) error) error {
	if err := chown(dir.FD(), owner.UID, owner.GID); err != nil {
		return fmt.Errorf("give %s to user %d: %w", dir.Name(), owner.UID, err)
	}
	return unix.Fchmod(dir.FD(), dirMode)
}

// dir fills to from base and upper, each of which may be nil. hides: of the base, only what equals the upper's is taken.
func (c *composer) dir(base, upper, to *beneath.Dir, at string, hides bool) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	hidden, err := c.fromUpper(base, upper, to, at, hides)
	if err != nil || base == nil {
		return err
	}
	entries, err := base.Entries()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if hidden[e.Name()] || hides && !c.plan.same[at+e.Name()] {
			continue
		}
		if err := c.fromBase(base, e, to, at+e.Name()); err != nil {
			return err
		}
	}
	return nil
}

func (c *composer) fromBase(base *beneath.Dir, e fs.DirEntry, to *beneath.Dir, name string) error {
	if e.IsDir() {
		return c.subdir(base, nil, to, e.Name(), name, false)
	}
	if e.Type()&fs.ModeSymlink != 0 {
		c.link(name)
	}
	return link(base, to, e.Name())
}

// fromUpper takes what the upper has and returns the names of the base that it hides.
func (c *composer) fromUpper(base, upper, to *beneath.Dir, at string, hides bool) (map[string]bool, error) {
	if upper == nil {
		return nil, nil
	}
	entries, err := upper.Entries()
	if err != nil {
		return nil, err
	}
	hidden := make(map[string]bool, len(entries))
	for _, e := range entries {
		name := at + e.Name()
		if c.plan.same[name] {
			continue
		}
		hidden[e.Name()] = true
		switch {
		case e.IsDir():
			err = c.subdir(base, upper, to, e.Name(), name, hides)
		case e.Type()&fs.ModeDevice != 0: // Inspect allows deletions only
		default:
			err = c.file(upper, to, e, name)
		}
		if err != nil {
			return nil, err
		}
	}
	return hidden, nil
}

// subdir makes name in to from what base and upper have under it, at the side if there is a free slot.
func (c *composer) subdir(base, upper, to *beneath.Dir, name, full string, hides bool) error {
	j := job{full: full, hides: hides}
	if err := j.open(c, base, upper, to, name); err != nil {
		j.close()
		return err
	}
	work := func() error {
		defer j.close()
		return c.dir(j.base, j.upper, j.to, full+"/", j.hides)
	}
	select {
	case c.slots <- struct{}{}:
		c.running.Go(func() {
			defer func() { <-c.slots }()
			c.fail(work())
		})
		return nil
	default:
		return work()
	}
}

// job is a directory to be filled, with descriptors of its own.
type job struct {
	full            string
	base, upper, to *beneath.Dir
	hides           bool // the upper hides the base
}

func (j *job) open(c *composer, base, upper, to *beneath.Dir, name string) (err error) {
	if upper != nil {
		if j.upper, err = upper.Open(name); err != nil {
			return err
		}
		own, err := opaque(j.upper, c.plan.input.UserXattr)
		if err != nil {
			return err
		}
		j.hides = j.hides || own
	}
	if base != nil {
		if j.base, err = openIfDir(base, name); err != nil {
			return err
		}
	}
	if err := unix.Mkdirat(to.FD(), name, 0o700); err != nil {
		return fmt.Errorf("make directory %s: %w", j.full, err)
	}
	if j.to, err = to.Open(name); err != nil {
		return err
	}
	return own(j.to, c.owner, unix.Fchown)
}

func (j *job) close() {
	for _, d := range []*beneath.Dir{j.base, j.upper, j.to} {
		d.Close()
	}
}

func openIfDir(parent *beneath.Dir, name string) (*beneath.Dir, error) {
	e, err := lookup(parent, name)
	if err != nil || e == nil || e.Kind() != unix.S_IFDIR {
		return nil, err
	}
	return parent.Open(name)
}
