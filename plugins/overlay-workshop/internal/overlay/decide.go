package overlay

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/cache"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/workshop"
	"github.com/left4me/left4me/sdk"
)

// fate is what becomes of an item in a build.
type fate int

const (
	keep    fate = iota // the tree has it already
	take                // it goes from the cache, or over the network, into the tree
	missing             // unobtainable, and nothing to keep
	failed              // it should be there but cannot be had now
	foreign             // a file that is not ours has its name
)

// item is one item of a build on its way.
type item struct {
	id      string
	title   string
	pointer string // setting that names it
	fate    fate
	record  Record // what the tree will hold: keep, take
	old     *Record
	reason  string // why it is missing or failed: one word
	fault   string // the same as a phrase
}

// label names the item for a person.
func (i *item) label() string {
	if i.title == "" {
		return i.id
	}
	return fmt.Sprintf("%s (%s)", i.title, i.id)
}

// key is where the content of the item is in the cache.
func (i *item) key() cache.Key { return keyOf(i.record) }

// keyOf includes the size: a content whose size changed is another one.
func keyOf(r Record) cache.Key {
	return cache.Key{Item: r.ID, Content: fmt.Sprintf("%s-%d", r.Content, r.Announced)}
}

// reporter takes what a person should know.
type reporter interface {
	Diagnostic(diagnostic sdk.Diagnostic)
}

// decider decides about items one by one.
type decider struct {
	*engine
	wanted  wanted
	tree    *os.Root // nil when planning
	old     map[string]Record
	report  reporter
	hold    func(keys ...cache.Key) // keeps them in the cache; nil when planning
	explain map[workshop.Standing]string
}

// standings explains why an item cannot be had.
func standings() map[workshop.Standing]string {
	return map[workshop.Standing]string{
		workshop.Removed:   "is no longer in the Workshop",
		workshop.Private:   "is private",
		workshop.Banned:    "was banned by Valve",
		workshop.OtherGame: "is made for another game",
		workshop.Refused:   "is not handed out by Steam",
	}
}

// decide turns what the API says about an item into its fate.
func (d *decider) decide(info workshop.Item) *item {
	out := &item{id: info.ID, title: info.Title, pointer: cmp.Or(d.wanted.pointer[info.ID], "/items")}
	if old, ok := d.old[info.ID]; ok {
		out.old = &old
		out.title = cmp.Or(out.title, old.Title)
	}
	if d.tree != nil && out.old == nil {
		if _, err := d.tree.Lstat(fileName(info.ID)); err == nil {
			out.fate, out.reason = foreign, "foreign-file"
			out.fault = "is not placed: the overlay has a file of that name that this builder did not make"
			d.warn(out, "workshop.foreign-file", "The overlay has a file %s that this builder did not make; it is left alone and %s is not placed.", fileName(info.ID), out.label())
			return out
		}
	}
	switch pin := d.wanted.pins[info.ID]; {
	case pin != "" && info.Standing != workshop.OtherGame:
		d.pinned(out, info, pin)
	case info.Standing != workshop.Available:
		d.unavailable(out, info)
	default:
		d.settle(out, recordOf(info))
	}
	return out
}

// recordOf is what the tree would hold of the present version.
func recordOf(info workshop.Item) Record {
	return Record{
		ID: info.ID, Content: info.Content, Size: info.Size, Announced: info.Size, Title: info.Title, URL: info.URL,
		Updated: info.Updated.Unix(), Creator: info.Creator, Preview: info.Preview, Tags: info.Tags,
	}
}

// settle keeps what the tree has, or takes the record.
func (d *decider) settle(out *item, record Record) {
	out.fate, out.record = take, record
	if out.old != nil && out.old.same(record) && (d.tree == nil || out.old.intact(d.tree)) {
		out.fate, out.record = keep, *out.old
	}
}

// pinned looks for the version that an item is pinned to: in the tree, in the cache, in the Workshop.
func (d *decider) pinned(out *item, info workshop.Item, pin string) {
	if out.old != nil && out.old.Content == pin {
		d.settle(out, *out.old)
		return
	}
	if info.Standing == workshop.Available && info.Content == pin {
		d.settle(out, recordOf(info))
		return
	}
	if found, ok := d.cached(info.ID, pin); ok {
		out.fate, out.record = take, found
		return
	}
	out.fate, out.reason = failed, "pinned"
	out.fault = fmt.Sprintf("is pinned to version %s, which neither the cache nor the Workshop has", pin)
}

// unavailable keeps the version that is there, or gives up.
func (d *decider) unavailable(out *item, info workshop.Item) {
	out.fate, out.reason, out.fault = missing, string(info.Standing), d.explain[info.Standing]
	if info.Reason != "" {
		out.fault += fmt.Sprintf(" (%s)", info.Reason)
	}
	if info.Standing != workshop.OtherGame {
		d.fallBack(out)
	}
	d.reportMissing(out)
}

// fallBack uses the version that the tree or the cache has.
func (d *decider) fallBack(out *item) {
	if out.old != nil && (d.tree == nil || out.old.intact(d.tree)) {
		out.fate, out.record = keep, *out.old
	} else if found, ok := d.cached(out.id, ""); ok {
		out.fate, out.record = take, found
		out.title = cmp.Or(out.title, found.Title)
	}
}

// reportMissing warns about an item that cannot be had.
func (d *decider) reportMissing(out *item) {
	code := "workshop." + out.reason
	if out.fate == missing {
		d.warn(out, code, "%s %s and is left out.", out.label(), out.fault)
		return
	}
	d.warn(out, code, "%s %s; the version that was downloaded before is kept.", out.label(), out.fault)
}

func (d *decider) warn(out *item, code, format string, args ...any) {
	d.report.Diagnostic(sdk.Diagnostic{
		Severity: sdk.SeverityWarning, Code: code, Pointer: out.pointer, Summary: fmt.Sprintf(format, args...),
		Detail: "Look at " + pageOf(out.id) + ", or exclude the item.",
	})
}

// cached finds a version in the cache: the newest, or the one with a content id.
func (d *decider) cached(id, content string) (Record, bool) {
	versions, err := d.cache.Versions(id)
	if err != nil {
		return Record{}, false
	}
	for _, entry := range versions {
		record, ok := recordOfEntry(entry)
		if !ok || content != "" && record.Content != content {
			continue
		}
		if d.hold != nil {
			d.hold(keyOf(record))
		}
		if _, still := d.cache.Has(keyOf(record)); still { // it may have been evicted before it was held
			return record, true
		}
	}
	return Record{}, false
}

// details asks the API about ids and decides about each. progress is called after each.
func (d *decider) details(ctx context.Context, ids []string, progress func(info workshop.Item)) ([]*item, error) {
	var out []*item
	err := d.api.Items(ctx, ids, func(info workshop.Item) {
		out = append(out, d.decide(info))
		progress(info)
	})
	return out, err
}
