package static_test

import (
	"compress/gzip"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/left4me/left4me/web/internal/static"
)

func TestAssetsCarryAChecksumAndMayBeKept(t *testing.T) {
	assets, err := static.Load()
	if err != nil {
		t.Fatal(err)
	}
	for name, kind := range map[string]string{"app.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"} {
		url := assets.URL(name)
		if !regexp.MustCompile(`^/static/[a-z]+\.[0-9a-f]{12}\.(css|js|svg)$`).MatchString(url) {
			t.Errorf("%s is at %q", name, url)
		}
		w := httptest.NewRecorder()
		if !assets.Serve(w, strings.TrimPrefix(url, "/static/")) {
			t.Fatalf("%s is not served", url)
		}
		if got := w.Header().Get("Content-Type"); got != kind {
			t.Errorf("%s has type %q", name, got)
		}
		if got := w.Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("%s may not be kept: %q", name, got)
		}
		if w.Body.Len() == 0 {
			t.Errorf("%s is empty", name)
		}
	}
	for _, other := range []string{"", "app.css", "app.000000000000.css", "static.go", "../static.go"} {
		if assets.Serve(httptest.NewRecorder(), other) {
			t.Errorf("%q is served", other)
		}
	}
}

// What the content security policy would refuse must not be in the files; and together they stay small.
func TestAssetsFitThePolicyAndTheBudget(t *testing.T) {
	assets, err := static.Load()
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	for _, name := range []string{"app.css", "app.js", "icon.svg"} {
		assets.Serve(w, strings.TrimPrefix(assets.URL(name), "/static/"))
	}
	for _, bad := range []string{"eval(", "innerHTML", "insertAdjacentHTML", "document.write", "https://", "@import", "url(http", "setAttribute(\"style\"", "new Function"} {
		if strings.Contains(w.Body.String(), bad) {
			t.Errorf("an asset holds %q", bad)
		}
	}
	var small strings.Builder
	zip := gzip.NewWriter(&small)
	if _, err := zip.Write(w.Body.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("assets: %d bytes, %d gzipped", w.Body.Len(), small.Len())
	if small.Len() > 30<<10 {
		t.Errorf("the assets weigh %d bytes gzipped", small.Len())
	}
}
