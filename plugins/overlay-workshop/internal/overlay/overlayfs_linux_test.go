package overlay_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/cache"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/standin"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

// In production the staging tree is an overlayfs mount over the earlier revision.
func TestStagingTreeIsAnOverlayfsMount(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting overlayfs needs root")
	}
	r := newRig(t, standin.World{Items: []standin.Item{itemOf("1", "a"), itemOf("2", "b"), itemOf("3", "c")}})
	r.must(list("1", "2", "3"))
	dirs := map[string]string{}
	for _, name := range []string{"upper", "work", "staging"} {
		dirs[name] = filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dirs[name], 0o755); err != nil {
			t.Fatal(err)
		}
	}
	options := "lowerdir=" + r.tree + ",upperdir=" + dirs["upper"] + ",workdir=" + dirs["work"]
	if err := unix.Mount("overlay", dirs["staging"], "overlay", 0, options); err != nil {
		t.Skipf("cannot mount overlayfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dirs["staging"], unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if !cache.SameSpace(dirs["staging"], dirs["upper"]) || cache.SameSpace(dirs["staging"], "/proc") {
		t.Error("the mount is not seen to use up the space of the file system below")
	}
	before, err := sdktest.ReadTree(r.tree)
	if err != nil {
		t.Fatal(err)
	}
	build := func(items ...string) builder.Result {
		result, err := r.builder.Build(t.Context(), request("b", dirs["staging"], items...), &sdktest.Recorder{})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	if result := build("1", "2", "3"); !result.Unchanged {
		t.Errorf("%+v", result)
	}
	if left, err := os.ReadDir(dirs["upper"]); err != nil || len(left) > 0 {
		t.Errorf("an unchanged build wrote %v, %v", left, err)
	}
	r.update("2", "b2")
	build("1", "2")
	earlier := r.tree
	r.tree = dirs["staging"]
	if r.files() != "1 2" || r.content("2") != string(packOf("b2")) || len(r.manifest().Items) != 2 {
		t.Errorf("files %q, manifest %+v", r.files(), r.manifest())
	}
	upper, err := filepath.Glob(filepath.Join(dirs["upper"], "left4dead2", "addons", "*"))
	if err != nil || len(upper) != 2 { // the new version of 2 and the whiteout of 3, nothing copied up
		t.Errorf("upper holds %v, %v", upper, err)
	}
	after, err := sdktest.ReadTree(earlier)
	if err != nil || len(after) != len(before) {
		t.Errorf("the earlier revision changed: %v", err)
	}
	for name, entry := range before {
		if after[name] != entry {
			t.Errorf("%s of the earlier revision changed", name)
		}
	}
}
