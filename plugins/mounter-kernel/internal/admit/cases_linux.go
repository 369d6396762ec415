package admit

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/tree"
)

// cases looks in one directory for names that differ in case only. They are kept, because both can be right
// for a program that asks for exactly one of them, but said: the game asks for most files in lower case, so
// that on Linux the other one is never found, and which of the two was meant only a person knows.
type cases struct {
	plan  *Plan
	at    string
	upper map[string]bool   // every name of the upper, deletions too
	kept  map[string]string // by folded name
}

func newCases(plan *Plan, at string) *cases {
	return &cases{plan: plan, at: at, upper: map[string]bool{}, kept: map[string]string{}}
}

// see takes in one entry of the upper.
func (c *cases) see(e tree.Entry) {
	c.upper[e.Name] = true
	if e.Kind() == unix.S_IFCHR {
		return // a deletion; a device is refused elsewhere
	}
	folded := strings.ToLower(e.Name)
	if other, is := c.kept[folded]; is {
		c.note(other, e.Name)
	}
	c.kept[folded] = e.Name
}

// compare looks at what stays of the base. Pairs that the base has by itself were said when it was made.
func (c *cases) compare(base *beneath.Dir) error {
	if base == nil || len(c.kept) == 0 {
		return nil
	}
	entries, err := base.Entries()
	if err != nil {
		return err
	}
	old := make(map[string]bool, len(entries))
	for _, e := range entries {
		old[e.Name()] = true
	}
	for name := range old {
		fresh, is := c.kept[strings.ToLower(name)]
		if is && fresh != name && !c.upper[name] && !old[fresh] {
			c.note(name, fresh)
		}
	}
	return nil
}

func (c *cases) note(a, b string) {
	pair := []string{show(c.at + a), show(c.at + b)}
	slices.Sort(pair)
	c.plan.note("%s and %s differ in case only: the game looks for lower case and finds at most one of them.", pair[0], pair[1])
}
