package overlay_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/standin"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// describe returns what the plugin says of items, one text each: id, author, whether there is a picture.
func (r *rig) describe(ids ...string) string {
	r.t.Helper()
	list, err := r.builder.(builder.Describer).Describe(r.t.Context(), "o1", ids)
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for _, d := range list {
		text := d.Item + ":" + d.Author
		if d.Picture != "" {
			text += "+"
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

func (r *rig) picture(id string) ([]byte, error) {
	return r.builder.(builder.Describer).Picture(r.t.Context(), "o1", id)
}

func pictureOf(t *testing.T, width, height int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const ann, bob = "76561198000000001", "76561198000000002"

func authored(id, creator string) standin.Item {
	item := itemOf(id, "a"+id)
	item.Creator = creator
	return item
}

func TestAuthorsAndPreviews(t *testing.T) {
	r := newRig(t, standin.World{
		Items:   []standin.Item{authored("1", ann), authored("2", ann), authored("3", bob), authored("4", "7")},
		Players: []standin.Player{{SteamID: ann, Name: "Ann\x1b[31m\u202e ☢ <b>"}},
	})
	r.must(list("1", "2", "3", "4"))
	if got, want := r.describe("1", "2", "3", "4", "5"), "1:Ann[31m ☢ <b>+ 2:Ann[31m ☢ <b>+ 3:+ 4:+"; got != want {
		t.Errorf("described as %q, want %q", got, want)
	}
	if stats := r.steam.Stats(); stats.Profiles != 2 || stats.Previews != 4 {
		t.Errorf("%d profile pages, %d previews", stats.Profiles, stats.Previews)
	}
	data, err := r.picture("1")
	if err != nil {
		t.Fatal(err)
	}
	if config, err := jpeg.DecodeConfig(bytes.NewReader(data)); err != nil || config.Width != 128 || config.Height != 72 {
		t.Errorf("the thumbnail is %+v, %v", config, err)
	}
	for _, id := range []string{"5", "../about", ""} {
		if _, err := r.picture(id); sdk.CodeOf(err) != sdk.CodeNotFound {
			t.Errorf("picture of %q: %v", id, err)
		}
	}

	// What is known is not asked again, by no overlay and no restart; a new address is.
	r.steam.ResetStats()
	r.must(list("1", "2", "3", "4"))
	again := newRig(t, standin.World{})
	again.cache, again.url, again.steam = r.cache, r.url, r.steam
	again.configure(nil)
	again.must(list("1", "3"))
	if stats := r.steam.Stats(); stats.Profiles != 0 || stats.Previews != 0 {
		t.Errorf("asked again: %d profile pages, %d previews", stats.Profiles, stats.Previews)
	}
	r.steam.ChangeItem("2", func(item *standin.Item) { item.Preview = pictureOf(t, 50, 400) })
	r.must(list("1", "2", "3", "4"))
	if stats := r.steam.Stats(); stats.Previews != 1 || !r.result.Unchanged {
		t.Errorf("another preview: %d requests, unchanged %v", stats.Previews, r.result.Unchanged)
	}
	data, err = r.picture("2")
	if config, failed := jpeg.DecodeConfig(bytes.NewReader(data)); err != nil || failed != nil || config.Width != 9 || config.Height != 72 {
		t.Errorf("the new thumbnail is %+v, %v, %v", config, err, failed)
	}
}

// Nothing that goes wrong with names and pictures is a fault of the build; what may be better next time is tried again.
func TestFaultsOfAuthorsAndPreviews(t *testing.T) {
	r := newRig(t, standin.World{Items: []standin.Item{authored("1", ann), authored("2", bob)}, Players: []standin.Player{{SteamID: ann, Name: "Ann"}, {SteamID: bob, Name: "Bob"}}})
	for name, fault := range map[string]standin.APIFault{
		"busy":   {Status: 429, Times: 100},
		"broken": {Status: 500, Times: 100},
		"down":   {Status: 503, RetryAfter: "0", Times: 100},
	} {
		r.steam.FailProfiles(fault)
		for _, id := range []string{"1", "2"} {
			r.steam.ChangeItem(id, func(item *standin.Item) { item.PreviewFault = standin.Fault{Status: fault.Status} })
		}
		r.steam.ResetStats()
		if events := r.must(list("1", "2")); codes(events) != "" || r.describe("1", "2") != "" {
			t.Errorf("%s: diagnostics %q, described as %q", name, codes(events), r.describe("1", "2"))
		}
		if stats := r.steam.Stats(); name != "broken" && stats.Profiles != 1 || stats.Previews != 2 {
			t.Errorf("%s: %d profile pages, %d previews", name, stats.Profiles, stats.Previews)
		}
	}
	r.steam.FailProfiles(standin.APIFault{Body: "<html><body>Sign in</body></html>", Times: 1})
	r.steam.ChangeItem("1", func(item *standin.Item) { item.PreviewFault = standin.Fault{HTML: true} })
	r.steam.ChangeItem("2", func(item *standin.Item) { item.PreviewFault = standin.Fault{} })
	r.must(list("1", "2"))
	if got := r.describe("1", "2"); got != "2:Bob+" {
		t.Errorf("described as %q", got)
	}
	r.steam.ResetStats()
	r.steam.ChangeItem("1", func(item *standin.Item) { item.PreviewFault = standin.Fault{} })
	r.must(list("1", "2"))
	if stats := r.steam.Stats(); stats.Profiles != 0 || stats.Previews != 0 {
		t.Errorf("what gave no name and no picture is asked again at once: %d, %d", stats.Profiles, stats.Previews)
	}
}

func TestNamesAndPicturesCanBeSwitchedOff(t *testing.T) {
	r := newRig(t, standin.World{Items: []standin.Item{authored("1", ann)}, Players: []standin.Player{{SteamID: ann, Name: "Ann"}}})
	r.configure(map[string]any{"author_names": false, "previews": false})
	r.must(list("1"))
	if stats := r.steam.Stats(); stats.Profiles != 0 || stats.Previews != 0 || r.describe("1") != "" {
		t.Errorf("%d profile pages, %d previews", stats.Profiles, stats.Previews)
	}
	r.configure(nil)
	r.must(list("1"))
	if r.describe("1") != "1:Ann+" {
		t.Errorf("switched on, described as %q", r.describe("1"))
	}
}

// A build does not wait for ever, a canceled one not at all, and one that failed neither.
func TestSlowPreviewsHoldNobodyUp(t *testing.T) {
	slow := authored("1", ann)
	slow.PreviewFault = standin.Fault{Rate: 1}
	r := newRig(t, standin.World{Items: []standin.Item{slow, authored("2", ann), {ID: "3", Title: "Lost", Data: packOf("l"), DownloadCode: 500}}, Players: []standin.Player{{SteamID: ann, Name: "Ann"}}})
	if _, err := r.build(t.Context(), list("1", "3")); sdk.CodeOf(err) != sdk.CodeUnavailable {
		t.Errorf("a build that fails: %v", err)
	}
	r.configure(map[string]any{"describe_wait": "1ms"})
	events := r.must(list("1", "2"))
	if log := strings.Join(events.Lines(), "\n"); !strings.Contains(log, "the next build goes on with them") {
		t.Errorf("log:\n%s", log)
	}
	r.configure(nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r.onEvent = func() {
		if r.steam.Stats().Previews > 0 {
			cancel()
		}
	}
	r.steam.ResetStats()
	r.steam.PutItem(itemOf("4", "more")) // so that the build has events
	if _, err := r.build(ctx, list("1", "2", "4")); err != nil && sdk.CodeOf(err) != sdk.CodeCanceled {
		t.Errorf("a canceled build: %v", err)
	}
	r.onEvent = nil
	r.steam.ChangeItem("1", func(item *standin.Item) { item.PreviewFault = standin.Fault{} })
	r.must(list("1", "2"))
	if got := r.describe("1", "2"); got != "1:Ann+ 2:Ann+" {
		t.Errorf("described as %q", got)
	}
}

// The addresses that Steam names are not followed everywhere.
func TestPreviewAddressesAreChecked(t *testing.T) {
	world := standin.World{}
	addresses := []string{"file:///etc/passwd", "http://169.254.169.254/latest/meta-data/", "https://10.0.0.1/a.png", "https://example.org/a.png", "gopher://x/", "://", "javascript:alert(1)"}
	var ids []string
	for i, address := range addresses {
		item := itemOf(fmt.Sprint(i+1), "p")
		item.PreviewURL = address
		world.Items, ids = append(world.Items, item), append(ids, item.ID)
		item.ID, item.PreviewURL, item.PreviewFault = fmt.Sprint(i+101), "", standin.Fault{Redirect: address}
		world.Items, ids = append(world.Items, item), append(ids, item.ID)
	}
	r := newRig(t, world)
	r.must(list(ids...))
	if got := r.describe(ids...); got != "" {
		t.Errorf("described as %q", got)
	}
	if n := r.steam.Stats().Previews; n != len(addresses) {
		t.Errorf("%d requests, want one for each redirect", n)
	}
}
