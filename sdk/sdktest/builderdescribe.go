package sdktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	_ "image/jpeg" // pictures are JPEG or PNG
	_ "image/png"
	"os"
	"path/filepath"
	"slices"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

func builderDescribe(t T, r *builderRun) {
	run, b := r.ready(t)
	info, err := run.base.Info(patient(t))
	if err != nil {
		t.Fatalf("Info: %v", err)
	}
	describer := builder.NewClient(run.conn).(builder.Describer) // every client is one
	const unknown = "no-such-item"
	list, err := describer.Describe(patient(t), "overlay-1", []string{unknown})
	if !slices.Contains(info.Capabilities, builder.CapabilityDescribe) {
		if !errors.Is(err, builder.ErrNoDescription) {
			t.Errorf("Describe without the capability %q gave %v", builder.CapabilityDescribe, err)
		}
		return
	}
	if err != nil || len(list) > 0 {
		t.Errorf("Describe of an item that is not there: %+v, %v", list, err)
	}
	_, err = describer.Picture(patient(t), "overlay-1", unknown)
	wantCode(t, "GetPicture of an item that is not there", err, sdk.CodeNotFound)
	work := request(t, r.spec.Overlay)
	build(t, b, work)
	ids := listedItems(work.OutputDir)
	list, err = describer.Describe(patient(t), "overlay-1", ids)
	if err != nil {
		t.Fatalf("Describe: %v", err)
	}
	for _, d := range list {
		if !slices.Contains(ids, d.Item) {
			t.Errorf("Describe names item %q, which was not asked for", d.Item)
		}
		if d.Picture == "" {
			continue
		}
		data, err := describer.Picture(patient(t), "overlay-1", d.Item)
		if err != nil {
			t.Fatalf("GetPicture of an item that names one: %v", err)
		}
		size, kind, err := image.DecodeConfig(bytes.NewReader(data))
		if err != nil || max(size.Width, size.Height) > builder.MaxPictureLength {
			t.Errorf("GetPicture gave %q of %d by %d pixels, %v", kind, size.Width, size.Height, err)
		}
	}
}

// listedItems returns the ids in the items file of a tree.
func listedItems(tree string) []string {
	var list struct {
		Items []builder.Item `json:"items"`
	}
	data, err := os.ReadFile(filepath.Join(tree, filepath.FromSlash(builder.ItemsFile)))
	if err != nil || json.Unmarshal(data, &list) != nil {
		return nil
	}
	var out []string
	for _, item := range list.Items {
		out = append(out, item.ID)
	}
	return out
}
