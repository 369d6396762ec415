package overlay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/cache"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/workshop"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// run is one build.
type run struct {
	*engine
	*builder.Build[Settings]
	wanted      wanted
	old         map[string]Record
	decider     *decider
	items       []*item
	infos       []workshop.Item // what the API says of them
	collections []string

	mu   sync.Mutex
	held []func() // release what the cache must keep
}

// hold keeps keys in the cache until release. An older version that only the cache has is held from when it is decided on:
// another build's eviction could take it away before this one gets to it.
func (r *run) hold(keys ...cache.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = append(r.held, r.cache.Hold(keys...))
}

func (r *run) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, release := range r.held {
		release()
	}
}

// build implements the build function of the plugin.
func (w *workshopBuilder) build(ctx context.Context, b *builder.Build[Settings]) (err error) {
	present, err := w.present()
	if err != nil {
		return err
	}
	r := &run{engine: present, Build: b}
	defer r.evict()
	defer r.release()
	if err := r.decide(ctx); err != nil {
		return explain(err)
	}
	r.hold(r.keys()...)
	describing := r.describeItems(ctx, r.infos)
	defer func() { describing.finish(ctx, r.Logf, err == nil) }()
	if err := r.checkRoom(ctx); err != nil {
		return err
	}
	if err := r.obtainAll(ctx); err != nil {
		return explain(err)
	}
	if err := r.verdict(); err != nil {
		return err
	}
	return explain(r.apply(ctx))
}

// decide finds out what the overlay consists of and what is to be done.
func (r *run) decide(ctx context.Context) error {
	r.wanted, _ = r.Settings.normalise() // validated before
	old, collections := readManifest(r.Dir)
	r.old = old
	known := workshop.Known{Collections: collections}
	for id := range old {
		known.Items = append(known.Items, id)
	}
	r.Step("resolve", 0, 0)
	resolved, err := workshop.Resolve(ctx, r.api, r.wanted.listed, known)
	if err != nil {
		return err
	}
	r.collections = resolved.Collections
	for _, id := range resolved.TooDeep {
		r.Diagnostic(sdk.Diagnostic{
			Severity: sdk.SeverityWarning, Code: "workshop.too-deep", Pointer: "/items",
			Summary: fmt.Sprintf("The collection %s is nested more than %d deep and is left out.", id, workshop.MaxDepth),
			Detail:  "List it by itself.",
		})
	}
	var ids []string
	for _, id := range resolved.Items {
		if !r.wanted.exclude[id] {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return sdk.Errorf(sdk.CodePrecondition, "Nothing is left of this overlay: its collections are empty, or every item is excluded.").
			WithHint("List or include at least one item.").WithField("/items")
	}
	r.decider = &decider{engine: r.engine, wanted: r.wanted, tree: r.Dir, old: r.old, report: r, hold: r.hold, explain: standings()}
	r.items, err = r.decider.details(ctx, ids, func(info workshop.Item) {
		r.infos = append(r.infos, info)
		r.Step("resolve", uint64(len(r.infos)), uint64(len(ids)))
	})
	return err
}

// keys are the cache entries that the build will read or make.
func (r *run) keys() []cache.Key {
	var out []cache.Key
	for _, one := range r.items {
		if one.fate == take {
			out = append(out, one.key())
		}
	}
	return out
}

// verdict ends the build if something that should be there could not be had, or nothing could.
func (r *run) verdict() error {
	var names []string
	present := 0
	for _, one := range r.items {
		switch one.fate {
		case failed:
			names = append(names, one.label())
			r.Diagnostic(sdk.Diagnostic{
				Severity: sdk.SeverityError, Code: "workshop." + one.reason, Pointer: one.pointer,
				Summary: one.label() + " " + one.fault + ".",
				Detail:  "Build again later, exclude the item, or change its pin.",
			})
		case keep, take, foreign:
			present++
		case missing:
		}
	}
	switch {
	case len(names) > 0:
		return sdk.Errorf(sdk.CodeUnavailable, "%d of %d items could not be fetched: %s.", len(names), len(r.items), enumerate(names, 5)).
			WithHint("Build again: what was fetched is kept. Or exclude the items that fail.").WithField("/items")
	case present == 0:
		return sdk.Errorf(sdk.CodePrecondition, "None of the %d items can be had from the Workshop.", len(r.items)).
			WithHint("The warnings say why for each item; list others.").WithField("/items")
	}
	return nil
}

// enumerate joins at most n names.
func enumerate(names []string, n int) string {
	out := ""
	for i, name := range names {
		if i == n {
			return out + fmt.Sprintf(" and %d more", len(names)-n)
		}
		if i > 0 {
			out += ", "
		}
		out += name
	}
	return out
}

// explain turns errors into ones for a person.
func explain(err error) error {
	if _, ok := errors.AsType[*sdk.Error](err); err == nil || ok {
		return err
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return sdk.Wrap(err, sdk.CodePrecondition, "The disk is full.").
			WithHint("Free some space, move the cache with cache_dir, or build fewer items.")
	case errors.Is(err, workshop.ErrTooMany):
		return sdk.Wrap(err, sdk.CodeInvalid, "The overlay stands for "+err.Error()+".").
			WithHint("Split it into several overlays, or exclude items.").WithField("/items")
	case errors.Is(err, workshop.ErrAPI):
		return sdk.Wrap(err, sdk.CodeUnavailable, "Cannot ask the Steam Workshop: "+err.Error()+".").
			WithHint("Try again later; if it stays like this, check api_url and the host's way to the internet.")
	}
	return sdk.Wrap(err, sdk.CodeInternal, "The overlay cannot be built.")
}

// evict tidies the cache after a build, whatever its outcome.
func (r *run) evict() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second) // the build may be canceled; this is quick
	defer cancel()
	bytes, count, err := r.cache.Evict(ctx, r.limits, time.Now())
	if err != nil {
		r.Log("warn", "The cache could not be tidied: "+err.Error())
	}
	if count > 0 {
		r.Logf("The cache dropped %d unused files (%s).", count, size(bytes))
	}
}

// size writes a number of bytes for a person.
func size(bytes int64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	case bytes >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(bytes)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", bytes)
}
