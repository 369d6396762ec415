package overlay_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/standin"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/sdktest"
)

// A cache that filled the disk gives way to what a build needs, the longest unused first and no more than that.
func TestCacheGivesWayWhenTheDiskIsFull(t *testing.T) {
	big := func(id string) standin.Item {
		return standin.Item{ID: id, Title: "Big " + id, Data: standin.Pack(standin.Filler(5 << 20))}
	}
	r := newRig(t, standin.World{Items: []standin.Item{big("1"), big("2"), big("3"), big("4")}})
	r.cache = tmpfs(t, "18m")
	r.configure(nil)
	for _, id := range []string{"1", "2", "3"} {
		r.must(list(id))
	}
	earlier := r.tree
	events := r.must(list("3", "4"))
	left, err := filepath.Glob(filepath.Join(r.cache, "content", "*.vpk"))
	if err != nil || len(left) != 3 || strings.HasPrefix(filepath.Base(left[0]), "1-") {
		t.Errorf("left in the cache: %v, %v\n%s", left, err, strings.Join(events.Lines(), "\n"))
	}
	if got, err := os.ReadFile(addon(earlier, "3")); err != nil || len(got) < 5<<20 {
		t.Errorf("the earlier revision lost its file: %v", err)
	}
	// What cannot be enough is not tried.
	r.steam.PutItem(standin.Item{ID: "5", Title: "Huge", Data: packOf("h"), Size: 1 << 30})
	if _, err := r.build(t.Context(), list("5")); sdk.CodeOf(err) != sdk.CodePrecondition {
		t.Errorf("error %v", err)
	}
	if after, err := filepath.Glob(filepath.Join(r.cache, "content", "*.vpk")); err != nil || len(after) != 3 {
		t.Errorf("the cache was emptied for nothing: %v, %v", after, err)
	}
}

// Builds that end empty the cache under those that run; these have what they need all the same.
func TestBuildsKeepWhatTheyNeedWhileOthersEvict(t *testing.T) {
	var world standin.World
	for i := range 40 {
		world.Items = append(world.Items, itemOf(fmt.Sprint(100+i), fmt.Sprint("w", i%10)))
	}
	r := newRig(t, world)
	r.configure(map[string]any{"cache_max_bytes": 1, "cache_max_age": "1ns"})
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for round := range 5 {
				var items []string
				for i := range 10 {
					items = append(items, fmt.Sprint(100+(worker*5+round*7+i)%40))
				}
				work := request(fmt.Sprint("b", worker, round), t.TempDir(), items...)
				work.OverlayID = fmt.Sprint("o", worker)
				if result, err := r.builder.Build(t.Context(), work, &sdktest.Recorder{}); err != nil || result.Files != 11 {
					t.Errorf("worker %d, round %d: %d files, %v", worker, round, result.Files, err)
				}
			}
		})
	}
	group.Wait()
}
