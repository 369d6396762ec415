package sdktest_test

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"slices"
	"testing"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

// pictures describes items "1" (with a picture) and "2".
type pictures struct {
	data  []byte
	extra string // an item that nobody asked for
	err   error  // of Picture
}

func (p pictures) Describe(_ context.Context, _ string, items []string) ([]builder.Description, error) {
	var out []builder.Description
	if p.extra != "" {
		out = append(out, builder.Description{Item: p.extra})
	}
	if slices.Contains(items, "1") {
		out = append(out, builder.Description{Item: "1", Author: "Somebody", Picture: "v1"})
	}
	return out, nil
}

func (p pictures) Picture(_ context.Context, _, item string) ([]byte, error) {
	if item != "1" && p.err == nil {
		return nil, sdk.Errorf(sdk.CodeNotFound, "No picture.")
	}
	return p.data, p.err
}

func pngOf(t *testing.T, width, height int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// describer is what can describe items, and what the check says about it.
type describer struct {
	with builder.Describer
	says string // "" passes
}

func describers(t *testing.T) map[string]describer {
	t.Helper()
	good := pngOf(t, 128, 72)
	return map[string]describer{
		"good":           {pictures{data: good}, ""},
		"no ability":     {nil, ""},
		"no picture":     {pictures{data: []byte("<svg/>")}, "GetPicture gave"},
		"too large":      {pictures{data: pngOf(t, 513, 10)}, "513 by 10 pixels"},
		"too many bytes": {pictures{data: make([]byte, builder.MaxPicture+1)}, "GetPicture of an item that names one"},
		"empty":          {pictures{}, "GetPicture of an item that names one"},
		"not found":      {pictures{err: sdk.Errorf(sdk.CodeNotFound, "No picture.")}, "GetPicture of an item that names one"},
		"another error":  {pictures{err: sdk.Errorf(sdk.CodeInternal, "Oh.")}, "GetPicture of an item that is not there"},
		"others":         {pictures{data: good, extra: "7"}, "which was not asked for"},
	}
}

func TestDescriptionsAreChecked(t *testing.T) {
	for name, c := range describers(t) {
		t.Run(name, func(t *testing.T) {
			var options []builder.Option
			if c.with != nil {
				options = append(options, builder.WithDescriber(c.with))
			}
			s := spec(func() sdk.Plugin { return sdktest.NewMemBuilder("mem", options...).Plugin })
			s.Overlay = []byte(`{"files": {".left4me/items.json": "{\"version\":1,\"items\":[{\"id\":\"1\"},{\"id\":\"2\"}]}"}}`)
			v := judge(t, func(v sdktest.T) { sdktest.CheckBuilder(v, "C49", s) })
			if c.says != "" {
				v.caught(t, c.says)
			} else if len(v.problems) > 0 {
				t.Error(v.problems)
			}
		})
	}
}
