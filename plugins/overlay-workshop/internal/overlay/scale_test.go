package overlay_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/standin"
	"github.com/left4me/left4me/sdk/builder"
)

// thousand is a collection of 1,000 items in nested collections: 4 times 200, and 200 by itself.
func thousand() standin.World {
	var world standin.World
	top := standin.Collection{ID: "900000", Title: "Everything"}
	for group := range 4 {
		nested := standin.Collection{ID: fmt.Sprint(900001 + group), Title: "Part"}
		top.Children = append(top.Children, nested.ID)
		for i := range 200 {
			id := fmt.Sprint(100_000 + group*200 + i)
			world.Items = append(world.Items, itemOf(id, id))
			nested.Children = append(nested.Children, id)
		}
		nested.Children = append(nested.Children, top.ID, nested.ID) // cycles
		world.Collections = append(world.Collections, nested)
	}
	for i := range 200 {
		id := fmt.Sprint(100_800 + i)
		world.Items = append(world.Items, itemOf(id, id))
		top.Children = append(top.Children, id, "100000") // and duplicates
	}
	world.Collections = append(world.Collections, top)
	return world
}

func TestOneThousandItems(t *testing.T) {
	r := newRig(t, thousand())
	r.must(list("900000"))
	if n := len(strings.Fields(r.files())); n != 1000 {
		t.Fatalf("%d files", n)
	}
	stats := r.steam.Stats()
	if stats.APICalls != 12 || stats.Downloads != 1000 || stats.MostParallel > 4 {
		t.Errorf("full build: %d calls, %d downloads, %d at a time", stats.APICalls, stats.Downloads, stats.MostParallel)
	}
	if stats.Previews != 1000 || stats.Profiles != 1 { // all items have the same author
		t.Errorf("full build: %d previews, %d profile pages", stats.Previews, stats.Profiles)
	}
	expected := 0
	for name, value := range r.result.Annotations {
		if strings.HasPrefix(name, "workshop.files.") {
			expected += len(strings.Split(value, ","))
		}
	}
	if expected != 1000 {
		t.Errorf("annotations list %d files", expected)
	}

	r.steam.ResetStats()
	r.must(list("900000"))
	stats = r.steam.Stats()
	if !r.result.Unchanged || stats.APICalls > 11 || stats.Bytes != 0 || stats.Downloads != 0 || stats.Previews != 0 || stats.Profiles != 0 {
		t.Errorf("refresh without change: unchanged %v, %d calls, %d downloads, %d bytes, %d previews, %d profile pages", r.result.Unchanged,
			stats.APICalls, stats.Downloads, stats.Bytes, stats.Previews, stats.Profiles)
	}

	for i := range 10 {
		r.update(fmt.Sprint(100_000+i*97), fmt.Sprint("new", i))
	}
	r.steam.ResetStats()
	r.must(list("900000"))
	stats = r.steam.Stats()
	if r.result.Unchanged || stats.APICalls > 11 || stats.Downloads != 10 || stats.Previews != 0 || r.result.Annotations["workshop.updated"] != "10" {
		t.Errorf("refresh with 10 changes: %d calls, %d downloads, annotations %v", stats.APICalls, stats.Downloads, r.result.Annotations["workshop.updated"])
	}
	updated := 0
	for _, change := range r.result.Changes {
		if change.Kind == builder.Updated && change.From != "" && change.To != "" && change.From != change.To {
			updated++
		}
	}
	if updated != 10 || len(r.result.Changes) != 10 {
		t.Errorf("%d changes, %d updates with both versions", len(r.result.Changes), updated)
	}
	for i := range 10 {
		if r.content(fmt.Sprint(100_000+i*97)) != string(packOf(fmt.Sprint("new", i))) {
			t.Errorf("item %d was not updated", 100_000+i*97)
		}
	}
}

func TestMoreItemsThanAnOverlayCanHave(t *testing.T) {
	world := standin.World{}
	var top standin.Collection
	top.ID = "900000"
	for i := range 4001 {
		top.Children = append(top.Children, fmt.Sprint(100_000+i))
	}
	world.Collections = append(world.Collections, top)
	r := newRig(t, world)
	if _, err := r.build(t.Context(), list("900000")); err == nil || !strings.Contains(err.Error(), "4001, but one overlay can have 4000") {
		t.Errorf("error %v", err)
	}
}

// Cut and corrupt downloads among a thousand: what can be mended is, what cannot keeps its old version, and the earlier
// revision is never touched (rig.build compares it).
func TestThousandItemsWithFaults(t *testing.T) {
	r := newRig(t, thousand())
	r.must(list("900000"))
	faults := []standin.Fault{
		{CutAfter: 50, Times: 2}, {CorruptAt: int64(len(packOf("mended0"))) - 8, Times: 1}, {HTML: true, Times: 1}, {WrongLength: true, Times: 1},
		{Status: 503, Times: 1}, {Status: 429, RetryAfter: 1, Times: 1}, {NoRange: true, CutAfter: 50, Times: 1},
	}
	for i := range 70 {
		id := fmt.Sprint(100_000 + i*13)
		r.update(id, fmt.Sprint("mended", i))
		r.steam.ChangeItem(id, func(item *standin.Item) { item.Fault = faults[i%len(faults)] })
	}
	r.update("100999", "lost")
	r.steam.ChangeItem("100999", func(item *standin.Item) { item.Fault = standin.Fault{Status: 500} })
	before := r.content("100999")
	r.must(list("900000"))
	for i := range 70 {
		if id := fmt.Sprint(100_000 + i*13); r.content(id) != string(packOf(fmt.Sprint("mended", i))) {
			t.Errorf("item %s (fault %+v) was not mended", id, faults[i%len(faults)])
		}
	}
	if r.content("100999") != before {
		t.Error("an item that cannot be had lost its old version")
	}
	failed := 0
	for _, change := range r.result.Changes {
		if change.Kind == builder.Failed {
			failed++
			if change.ID != "100999" || change.From == "" || change.To != change.From || change.Reason == "" {
				t.Errorf("failure %+v", change)
			}
		}
	}
	if failed != 1 || len(r.result.Changes) != 71 {
		t.Errorf("%d changes, %d failed", len(r.result.Changes), failed)
	}
}
