package overlay_test

import (
	"bytes"
	"context"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"slices"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/overlay"
	"github.com/left4me/left4me/agent/internal/rig"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

// album is a builder's knowledge of items: all it has, whoever asks for what.
type album struct {
	names    map[string]string
	pictures map[string][]byte
	hang     bool
}

func (a album) Describe(ctx context.Context, _ string, items []string) ([]builder.Description, error) {
	if a.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	out := []builder.Description{{Item: "not-asked", Author: "Nobody", Picture: "x"}}
	for _, item := range items {
		if name := a.names[item]; name != "" || a.pictures[item] != nil {
			d := builder.Description{Item: item, Author: name}
			if a.pictures[item] != nil {
				d.Picture = "v1"
			}
			out = append(out, d)
		}
	}
	return out, nil
}

func (a album) Picture(_ context.Context, _, item string) ([]byte, error) {
	if a.pictures[item] == nil {
		return nil, sdk.Errorf(sdk.CodeNotFound, "No picture.")
	}
	return a.pictures[item], nil
}

const itemList = `{"version":1,"items":[{"id":"1","title":"One","author":"76561198000000001"},{"id":"2","author":"76561198000000002"},{"id":"3"}]}`

func encoded(t *testing.T, encode func(*bytes.Buffer, image.Image) error, width, height int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := encode(&out, image.NewRGBA(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func asPNG(out *bytes.Buffer, i image.Image) error  { return png.Encode(out, i) }
func asJPEG(out *bytes.Buffer, i image.Image) error { return jpeg.Encode(out, i, nil) }
func asGIF(out *bytes.Buffer, i image.Image) error  { return gif.Encode(out, i, nil) }

// described is a rig whose builder can describe, with an overlay of three items.
func described(t *testing.T, a album) *rig.Rig {
	t.Helper()
	r := rig.New(t)
	r.Builder = sdktest.NewMemBuilder(rig.BuilderType, builder.WithDescriber(a))
	r.Overlay("maps", map[string]string{overlay.ItemsFile: itemList})
	r.Overlay("other", map[string]string{"a": "1"})
	return r
}

func TestItemsAreDescribed(t *testing.T) {
	r := described(t, album{
		names:    map[string]string{"1": "Ann\n\u202eevil", "3": "Carl"},
		pictures: map[string][]byte{"1": encoded(t, asJPEG, 128, 72), "2": encoded(t, asPNG, 72, 72)},
	})
	items, err := r.Overlays.Items(t.Context(), "maps")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, item := range items {
		got = append(got, item.ID+" "+item.Author+" "+item.Picture)
	}
	if want := []string{"1 Annevil v1", "2 76561198000000002 v1", "3 Carl "}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for item, want := range map[string]string{"1": "image/jpeg", "2": "image/png"} {
		if picture, err := r.Overlays.Picture(t.Context(), "maps", item); err != nil || picture.Type != want || len(picture.Data) == 0 {
			t.Errorf("picture of %s: %s, %v", item, picture.Type, err)
		}
	}
	for _, c := range []struct{ overlay, item string }{{"maps", "3"}, {"maps", "4"}, {"other", "1"}, {"none", "1"}, {"maps", ""}} {
		if _, err := r.Overlays.Picture(t.Context(), c.overlay, c.item); !fault.Is(err, fault.NotFound) {
			t.Errorf("picture of %q in %q: %v", c.item, c.overlay, err)
		}
	}
}

// A builder is not believed: what is no small JPEG or PNG goes to nobody.
func TestPicturesThatAreNone(t *testing.T) {
	pictures := map[string][]byte{
		"1": []byte("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"), "2": encoded(t, asGIF, 10, 10), "3": encoded(t, asPNG, 513, 1),
	}
	r := described(t, album{pictures: pictures})
	for item := range pictures {
		if picture, err := r.Overlays.Picture(t.Context(), "maps", item); !fault.Is(err, fault.Internal) || picture.Data != nil {
			t.Errorf("picture of %s: %+v, %v", item, picture, err)
		}
	}
}

// The list is there without the builder's help.
func TestItemsWithoutDescriptions(t *testing.T) {
	plain := rig.New(t)
	plain.Overlay("maps", map[string]string{overlay.ItemsFile: itemList})
	gone := described(t, album{names: map[string]string{"1": "Ann"}})
	gone.BuilderGone = true
	hangs := described(t, album{hang: true})
	for name, r := range map[string]*rig.Rig{"cannot": plain, "gone": gone, "hangs": hangs} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		items, err := r.Overlays.Items(ctx, "maps")
		cancel()
		if err != nil || len(items) != 3 || items[0].Author != "76561198000000001" || items[0].Picture != "" {
			t.Errorf("%s: %+v, %v", name, items, err)
		}
	}
	if _, err := plain.Overlays.Picture(t.Context(), "maps", "1"); !fault.Is(err, fault.NotFound) {
		t.Errorf("picture of a builder without: %v", err)
	}
}
