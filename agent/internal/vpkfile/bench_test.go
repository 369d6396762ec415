package vpkfile_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/left4me/left4me/agent/internal/addon"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/rig"
	"github.com/left4me/left4me/agent/internal/vpkfile"
)

// BenchmarkLook reads a stack of 1,000 campaigns for the first time, through the mounter over gRPC.
func BenchmarkLook(b *testing.B) {
	r := rig.New(b)
	staging, err := r.Disk.Stage(b.Context(), "build-1", content.Layer{})
	if err != nil {
		b.Fatal(err)
	}
	dir := filepath.Join(staging.Path, "left4dead2", "addons")
	failures := []error{os.MkdirAll(dir, 0o755)}
	for i := range 1000 {
		data := pack(fmt.Sprint("c", i), fmt.Sprint(i), fmt.Sprintf("c%d_m1", i), fmt.Sprintf("c%d_m2", i))
		failures = append(failures, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.vpk", 100_000+i)), data, 0o644))
	}
	if err := errors.Join(failures...); err != nil {
		b.Fatal(err)
	}
	layer := addon.Layer{Overlay: "maps", Layer: content.Layer{Overlay: "maps", Revision: "1"}}
	if _, err := r.Disk.Commit(b.Context(), "build-1", layer.Layer); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		view, err := addon.Look(b.Context(), vpkfile.Source{Disk: r.Disk}, []addon.Layer{layer})
		if err != nil || len(view.Campaigns) != 1000 {
			b.Fatalf("%d campaigns, %v", len(view.Campaigns), err)
		}
	}
}
