package overlay

import (
	"context"
	"fmt"
	"time"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/cache"
	"github.com/left4me/left4me/sdk"
)

// checkRoom holds what the build will write against the limits and the free space, before anything is
// downloaded. The cache gives way first.
func (r *run) checkRoom(ctx context.Context) error {
	var download, placed, total int64
	files := uint64(1) // the manifest
	for _, one := range r.items {
		if one.fate != keep && one.fate != take {
			continue
		}
		files++
		total += one.record.Size
		if one.fate == keep {
			continue
		}
		placed += one.record.Size
		if _, ok := r.cache.Has(one.key()); !ok {
			download += max(one.record.Announced-r.cache.Partial(one.key()), 0)
		}
	}
	switch limits := r.Limits; {
	case limits.MaxBytes > 0 && uint64(total) > limits.MaxBytes:
		return sdk.Errorf(sdk.CodeInvalid, "The items have %s, more than the %s that this overlay may have.", size(total), size(int64(limits.MaxBytes))).
			WithHint("Exclude items, split the overlay, or raise its limit.").WithField("/items")
	case limits.MaxFiles > 0 && files > limits.MaxFiles:
		return sdk.Errorf(sdk.CodeInvalid, "The items are %d files, more than the %d that this overlay may have.", files, limits.MaxFiles).
			WithHint("Exclude items, split the overlay, or raise its limit.").WithField("/items")
	}
	if cache.SameSpace(r.cache.Dir(), r.Path) {
		r.makeRoom(ctx, download+placed)
		return r.fits(r.Path, download+placed)
	}
	r.makeRoom(ctx, download)
	if err := r.fits(r.cache.Dir(), download); err != nil {
		return err
	}
	return r.fits(r.Path, placed)
}

// makeRoom takes what was used longest ago out of the cache, if its file system is too full for what the build will write
// and that can help.
func (r *run) makeRoom(ctx context.Context, bytes int64) {
	free, err := cache.Free(r.cache.Dir())
	cached, _, usageErr := r.cache.Usage()
	if bytes == 0 || err != nil || usageErr != nil || free+cached < bytes+r.reserve {
		return
	}
	freed, count, err := r.cache.Evict(ctx, cache.Limits{Free: bytes + r.reserve}, time.Now())
	if count > 0 {
		r.Logf("The disk is nearly full: the cache dropped %d files that were used longest ago (%s).", count, size(freed))
	}
	if err != nil {
		r.Log("warn", "The cache could not be tidied: "+err.Error())
	}
}

// fits checks that the file system of dir has room for more bytes.
func (e *engine) fits(dir string, bytes int64) error {
	if bytes == 0 {
		return nil
	}
	free, err := cache.Free(dir)
	if err != nil {
		return nil // then the write itself will tell
	}
	if bytes+e.reserve > free {
		return sdk.Errorf(sdk.CodePrecondition, "%s", fmt.Sprintf("The build needs %s on the file system of %s, which has %s free (%s stay reserved).",
			size(bytes), dir, size(free), size(e.reserve))).
			WithHint("Free some space, move the cache with cache_dir, or build fewer items.")
	}
	return nil
}
