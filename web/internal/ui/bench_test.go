package ui_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/api"
)

// Pages stay small: what a browser loads for one, without the console's history, is under 100 kB gzipped.
func TestPageWeight(t *testing.T) {
	p := signedIn(t)
	p.seed()
	for i := range 20 {
		if _, err := p.agent.Client.CreateServer(t.Context(), api.ServerCreate{Name: fmt.Sprintf("server-%d", i), Blueprint: "alpha"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"", "/servers", "/servers/alpha", "/overlays/alpha", "/blueprints/alpha", "/jobs", "/events", "/plugins"} {
		const times = 20
		from := time.Now()
		var page answer
		for range times {
			page = p.get("/hosts/local"+path, http.StatusOK)
		}
		each := time.Since(from) / times
		var out bytes.Buffer
		zip := gzip.NewWriter(&out)
		assets := 0
		for _, link := range append(page.all("link", "rel", "stylesheet"), page.all("script", "src", "*")...) {
			address, _ := attribute(link, "href")
			if src, has := attribute(link, "src"); has {
				address = src
			}
			asset := p.get(address, http.StatusOK)
			assets += len(asset.body)
			_, _ = zip.Write([]byte(asset.body)) // a buffer takes everything
		}
		_, _ = zip.Write([]byte(page.body))
		_ = zip.Close()
		t.Logf("%-20s page %6d B, assets %6d B, together gzipped %6d B, %v each", path, len(page.body), assets, out.Len(), each.Round(10*time.Microsecond))
		if out.Len() > 100_000 {
			t.Errorf("%s weighs %d bytes gzipped", path, out.Len())
		}
	}
}
