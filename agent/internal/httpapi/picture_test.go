package httpapi_test

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

func TestPicture(t *testing.T) {
	agent := seedServer(t)
	ctx := t.Context()
	if _, err := agent.Client.CreateOverlay(ctx, api.OverlayCreate{Name: "maps", Type: "overlay-workshop", Settings: []byte(`{"items":["1"]}`)}); err != nil {
		t.Fatal(err)
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 128, 72))); err != nil {
		t.Fatal(err)
	}
	agent.SetContent("maps", agenttest.Content{Pictures: map[string][]byte{"1&x": picture.Bytes()}})
	data, mediaType, err := agent.Client.Picture(ctx, "maps", "1&x")
	if err != nil || mediaType != "image/png" || !bytes.Equal(data, picture.Bytes()) {
		t.Errorf("%d bytes of %q, %v", len(data), mediaType, err)
	}
	status, _, header := do(t, forward(agent), "GET", "/v1/overlays/maps/picture?item=1%26x", "")
	if status != http.StatusOK || header.Get("X-Content-Type-Options") != "nosniff" || header.Get("ETag") == "" ||
		!strings.Contains(header.Get("Content-Security-Policy"), "sandbox") || !strings.HasPrefix(header.Get("Cache-Control"), "private") {
		t.Errorf("%d, headers %v", status, header)
	}
	for _, c := range []struct{ overlay, item, code string }{{"maps", "2", client.CodeNotFound}, {"none", "1&x", client.CodeNotFound}, {"maps", "", client.CodeInvalid}} {
		if _, _, err := agent.Client.Picture(ctx, c.overlay, c.item); !client.Is(err, c.code) {
			t.Errorf("picture of %q in %q: %v", c.item, c.overlay, err)
		}
	}
}
