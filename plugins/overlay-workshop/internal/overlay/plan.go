package overlay

import (
	"context"
	"fmt"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/workshop"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// silent drops diagnostics: a plan has its own way to say things.
type silent struct{}

func (silent) Diagnostic(sdk.Diagnostic) {}

// plan implements the plan function of the plugin. It sees no tree, so it promises a content only when
// the Workshop hands out every item.
func (w *workshopBuilder) plan(ctx context.Context, input builder.PlanInput[Settings]) (builder.Plan, error) {
	present, err := w.present()
	if err != nil {
		return builder.Plan{}, err
	}
	want, _ := input.Settings.normalise() // validated before
	resolved, err := workshop.Resolve(ctx, present.api, want.listed, workshop.Known{})
	if err != nil {
		return builder.Plan{}, explain(err)
	}
	var ids []string
	for _, id := range resolved.Items {
		if !want.exclude[id] {
			ids = append(ids, id)
		}
	}
	decider := &decider{engine: present, wanted: want, report: silent{}, explain: standings()}
	items, err := decider.details(ctx, ids, func(workshop.Item) {})
	if err != nil {
		return builder.Plan{}, explain(err)
	}
	return decider.summary(items, input.PreviousAnnotations["workshop.key"]), nil
}

// summary adds up what a build would do.
func (d *decider) summary(items []*item, previous string) builder.Plan {
	var out builder.Plan
	var records []Record
	var total, absent int64
	certain := true
	for _, one := range items {
		if one.fate != take || one.reason != "" || one.record.URL == "" {
			certain = false
		}
		if one.fate != take {
			absent++
			out.Summary = append(out.Summary, fmt.Sprintf("%s %s.", one.label(), one.fault))
			continue
		}
		records = append(records, one.record)
		total += one.record.Announced
		if _, ok := d.cache.Has(one.key()); !ok {
			out.EstimatedBytes += uint64(one.record.Announced)
		}
	}
	key := cacheKey(records)
	out.Summary = append([]string{fmt.Sprintf("%d items with %s, %d cannot be had.", len(records), size(total), absent)}, out.Summary...)
	if certain {
		out.CacheKey = key
	}
	if key == previous {
		out.EstimatedBytes = 0
		out.Summary = append(out.Summary, "Nothing changed since the last build.")
	}
	return out
}
