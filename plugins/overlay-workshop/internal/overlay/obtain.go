package overlay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/cache"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/fetch"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/steamcmd"
	"github.com/left4me/left4me/sdk/format/vpk"
)

// obtainAll brings every item that the build takes into the cache, several at a time. What goes wrong with an item
// becomes its fate; only what concerns the whole build is returned.
func (r *run) obtainAll(ctx context.Context) error {
	var pending []*item
	var total uint64
	for _, one := range r.items {
		if one.fate != take {
			continue
		}
		if entry, ok := r.cache.Has(one.key()); ok {
			one.record.Size = entry.Size
			continue
		}
		pending = append(pending, one)
		total += uint64(one.record.Announced)
	}
	if len(pending) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	progress := newProgress(r, "download", total)
	queue := make(chan *item)
	var workers sync.WaitGroup
	for range min(cap(r.slots), len(pending)) {
		workers.Go(func() {
			for one := range queue {
				if err := r.obtain(ctx, one, progress); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, one := range pending {
		if ctx.Err() != nil {
			break
		}
		queue <- one
	}
	close(queue)
	workers.Wait()
	progress.flush()
	return context.Cause(ctx)
}

// obtain brings one item into the cache.
func (r *run) obtain(ctx context.Context, one *item, progress *progress) error {
	slot, err := r.cache.Acquire(ctx, one.key())
	if err != nil {
		return err
	}
	defer slot.Release()
	if entry, ok := slot.Entry(); ok { // another build was faster
		one.record.Size = entry.Size
		progress.set(one, one.record.Announced)
		return nil
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	err = r.load(ctx, one, slot, progress)
	switch {
	case err == nil:
		progress.set(one, one.record.Announced)
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		_ = slot.Part().Truncate(0) // a full disk hurts others; the download starts again when there is room
		return err
	}
	r.lose(one, err)
	return nil
}

// errNoAddress says that an item has no download address.
var errNoAddress = errors.New("has no download address; only steamcmd can fetch it, which is not set up")

// load downloads an item, by its address or with steamcmd.
func (r *run) load(ctx context.Context, one *item, slot *cache.Slot, progress *progress) error {
	if one.record.URL == "" && r.steamcmd == nil {
		return errNoAddress
	}
	if one.record.URL != "" {
		err := r.download(ctx, one, slot, progress)
		useless := errors.Is(err, fetch.ErrGone) || errors.Is(err, fetch.ErrBroken)
		if err == nil || !useless || r.steamcmd == nil || ctx.Err() != nil {
			return err
		}
		r.Logf("%s: %v; trying steamcmd.", one.label(), err)
	}
	return r.bySteamcmd(ctx, one, slot)
}

// download fetches an item from its address.
func (r *run) download(ctx context.Context, one *item, slot *cache.Slot, progress *progress) error {
	address, err := r.policy.Address(one.record.URL)
	if err != nil {
		return err
	}
	start := time.Now()
	source := fetch.Source{URL: address.String(), Size: one.record.Announced}
	outcome, err := r.fetcher.Fetch(ctx, source, slot.Part(), func(have int64) { progress.set(one, have) })
	if err != nil {
		return err
	}
	if outcome.Warning != "" {
		r.decider.warn(one, "workshop.checksum", "%s was uploaded with wrong checksums and may not work: %s.", one.label(), outcome.Warning)
	}
	one.record.Size = outcome.Size
	if err := slot.Commit(entryOf(one)); err != nil {
		return err
	}
	r.Logf("Downloaded %s: %s in %s.", one.label(), size(outcome.Received), time.Since(start).Round(time.Millisecond))
	return nil
}

// bySteamcmd fetches an item with steamcmd and checks it like any other.
func (r *run) bySteamcmd(ctx context.Context, one *item, slot *cache.Slot) (err error) {
	r.Logf("Fetching %s with steamcmd.", one.label())
	got, err := r.steamcmd.Fetch(ctx, one.id, func(line string) { r.Log("debug", line) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, got.Close()) }()
	if len(got.Others) > 0 {
		r.decider.warn(one, "workshop.several-files", "%s has several VPK files; only %s is used, not %s.", one.label(), got.Name, enumerate(got.Others, 5))
	}
	if err := slot.Adopt(got.Root, got.Name); err != nil {
		return err
	}
	info, err := slot.Part().Stat()
	if err != nil {
		return err
	}
	checker := vpk.NewChecker(info.Size())
	if _, err := io.Copy(checker, io.NewSectionReader(slot.Part(), 0, info.Size())); err == nil {
		err = checker.Finish()
		if errors.Is(err, vpk.ErrChecksum) {
			r.decider.warn(one, "workshop.checksum", "%s was uploaded with wrong checksums and may not work: %v.", one.label(), err)
			err = nil
		}
		if err != nil {
			return errors.Join(fmt.Errorf("%w: %w", fetch.ErrBroken, err), slot.Part().Truncate(0))
		}
	} else {
		return errors.Join(fmt.Errorf("%w: %w", fetch.ErrBroken, err), slot.Part().Truncate(0))
	}
	one.record.Size = info.Size()
	return slot.Commit(entryOf(one))
}

// lose decides what becomes of an item that could not be fetched.
func (r *run) lose(one *item, err error) {
	pinned := r.wanted.pins[one.id] != ""
	one.fault = "could not be fetched: " + err.Error()
	switch {
	case pinned:
		one.fate, one.reason = failed, "pinned"
		one.fault = "is pinned to a version that could not be fetched: " + err.Error()
	case errors.Is(err, errNoAddress):
		one.fate, one.reason, one.fault = missing, "no-address", err.Error()
	case errors.Is(err, fetch.ErrGone), errors.Is(err, steamcmd.ErrGone):
		one.fate, one.reason = missing, "gone"
	case errors.Is(err, fetch.ErrBroken):
		one.fate, one.reason = missing, "broken"
	default:
		one.fate, one.reason = failed, "failed"
	}
	switch {
	case one.fate == missing:
		r.decider.fallBack(one)
		r.decider.reportMissing(one)
	case !pinned && one.old != nil && one.old.intact(r.Dir):
		one.fate, one.record = keep, *one.old
		r.decider.reportMissing(one)
	}
}

// entryOf is the note that the cache keeps.
func entryOf(one *item) cache.Entry {
	key := one.key()
	return cache.Entry{Item: key.Item, Content: key.Content, Size: one.record.Size, Title: one.title, URL: one.record.URL, Fetched: time.Now().UTC()}
}

// recordOfEntry is the record that a note stands for.
func recordOfEntry(entry cache.Entry) (Record, bool) {
	at := strings.LastIndexByte(entry.Content, '-')
	if at < 0 {
		return Record{}, false
	}
	announced, err := strconv.ParseInt(entry.Content[at+1:], 10, 64)
	return Record{ID: entry.Item, Content: entry.Content[:at], Size: entry.Size, Announced: announced, Title: entry.Title, URL: entry.URL}, err == nil
}
