package overlay

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/place"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// change is one entry of a list in the annotations.
type change struct{ text string }

// apply makes the tree what the items say, or leaves it alone if it is that already.
func (r *run) apply(ctx context.Context) error {
	var records []Record
	var added, updated, removed []change
	var taken []*item
	for _, one := range r.items {
		if one.fate != keep && one.fate != take {
			continue
		}
		records = append(records, one.record)
		switch {
		case one.fate == keep:
		case one.old == nil:
			added = append(added, change{one.id})
			r.Logf("Adding %s, version %s, %s.", one.label(), one.record.Content, size(one.record.Size))
		default:
			updated = append(updated, change{fmt.Sprintf("%s:%s>%s", one.id, one.old.Content, one.record.Content)})
			r.Logf("Updating %s from version %s to %s, %s.", one.label(), one.old.Content, one.record.Content, size(one.record.Size))
		}
		if one.fate == take {
			taken = append(taken, one)
		}
	}
	gone := r.gone(records)
	for _, old := range gone {
		removed = append(removed, change{fmt.Sprintf("%s:%s", old.ID, old.Content)})
		r.Logf("Removing %s (%s).", old.Title, old.ID)
	}
	r.annotate(records, added, updated, removed)
	r.Result.Changes = r.changes(gone)
	r.Result.CacheKey = cacheKey(records)
	if len(taken) == 0 && len(gone) == 0 && len(records) == len(r.old) && len(r.old) > 0 {
		r.Logf("All %d items are up to date.", len(records))
		r.Unchanged()
		return nil
	}
	if err := r.placeAll(ctx, taken); err != nil {
		return err
	}
	for _, old := range gone {
		if err := r.Dir.Remove(fileName(old.ID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	manifest, err := encode(records, r.collections)
	if err != nil {
		return err
	}
	return place.Data(r.Dir, ManifestName, manifest)
}

// changes says what becomes of each item: added, updated, removed, or not to be had.
func (r *run) changes(gone []Record) []builder.Change {
	var out []builder.Change
	for _, one := range r.items {
		change := builder.Change{ID: one.id, Title: one.title, To: one.record.Content}
		if one.old != nil {
			change.From = one.old.Content
		}
		switch {
		case one.reason != "": // it stays as it is, comes from the cache, or is left out
			change.Kind, change.Reason = builder.Failed, one.fault
		case one.fate != take:
			continue
		case one.old == nil:
			change.Kind = builder.Added
		default:
			change.Kind = builder.Updated
		}
		out = append(out, change)
	}
	for _, old := range gone {
		if !r.failed(old.ID) {
			out = append(out, builder.Change{Kind: builder.Removed, ID: old.ID, Title: old.Title, From: old.Content})
		}
	}
	return out
}

// failed reports whether an item is listed but cannot be had.
func (r *run) failed(id string) bool {
	return slices.ContainsFunc(r.items, func(one *item) bool { return one.id == id && one.reason != "" })
}

// gone returns the old records that are not among the new ones.
func (r *run) gone(records []Record) []Record {
	left := maps.Clone(r.old)
	for _, record := range records {
		delete(left, record.ID)
	}
	out := slices.Collect(maps.Values(left))
	sortRecords(out)
	return out
}

// placeAll puts the new files into the tree.
func (r *run) placeAll(ctx context.Context, taken []*item) error {
	var total uint64
	for _, one := range taken {
		total += uint64(one.record.Size)
	}
	progress := newProgress(r, "place", total)
	ways := make(map[place.Way]int)
	for _, one := range taken {
		way, err := r.place(ctx, one, progress)
		if err != nil {
			return err
		}
		ways[way]++
	}
	progress.flush()
	if len(taken) > 0 {
		r.Logf("Placed %d files: %d cloned, %d copied.", len(taken), ways[place.Cloned], ways[place.Copied])
	}
	return nil
}

func (r *run) place(ctx context.Context, one *item, progress *progress) (place.Way, error) {
	slot, err := r.cache.Acquire(ctx, one.key())
	if err != nil {
		return "", err
	}
	defer slot.Release()
	if _, ok := slot.Entry(); !ok {
		return "", sdk.Errorf(sdk.CodeUnavailable, "The cache lost %s during the build.", one.label()).
			WithHint("Build again. If it happens again, look at what else writes to the cache directory.")
	}
	source, err := slot.Open()
	if err != nil {
		return "", err
	}
	defer source.Close() //nolint:errcheck // read only
	return place.File(ctx, r.Dir, fileName(one.id), source, func(done int64) { progress.set(one, done) })
}

// Bounds that the protocol sets for annotations: 64 entries of 1 KiB, key included.
const (
	maxAnnotation = 1000 // leaves room for ".00" and the mark
	maxFileLists  = 48
	maxLists      = 3
)

// annotate writes what the agent and the next build should know.
func (r *run) annotate(records []Record, added, updated, removed []change) {
	var files, absent []change
	sorted := slices.Clone(records)
	sortRecords(sorted)
	for _, record := range sorted {
		files = append(files, change{record.ID})
	}
	for _, one := range r.items {
		if one.fate == missing {
			absent = append(absent, change{one.id + ":" + one.reason})
		}
	}
	r.Annotate("workshop.key", cacheKey(records))
	r.Annotate("workshop.items", fmt.Sprint(len(records)))
	r.list("workshop.files", files, maxFileLists)
	for _, list := range []struct {
		name    string
		changes []change
	}{{"added", added}, {"updated", updated}, {"removed", removed}, {"missing", absent}} {
		if len(list.changes) > 0 {
			r.Annotate("workshop."+list.name, fmt.Sprint(len(list.changes)))
			r.list("workshop."+list.name, list.changes, maxLists)
		}
	}
}

// list writes texts into entries name.00, name.01, …, at most most of them; "…" marks that some did not fit.
func (r *run) list(name string, changes []change, most int) {
	var chunks []string
	for _, one := range changes {
		last := len(chunks) - 1
		if last >= 0 && len(chunks[last])+1+len(one.text) <= maxAnnotation-len(name) {
			chunks[last] += "," + one.text
			continue
		}
		if len(chunks) == most {
			chunks[last] += ",…"
			break
		}
		chunks = append(chunks, one.text)
	}
	for i, chunk := range chunks {
		r.Annotate(fmt.Sprintf("%s.%02d", name, i), chunk)
	}
}
