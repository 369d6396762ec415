// Package static serves the panel's style, script and icon. Names carry a checksum, so browsers may keep them
// for ever.
package static

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed app.css app.js edit.js icon.svg
var files embed.FS

// Assets are the embedded files by their public names.
type Assets struct {
	byName map[string]asset
	urls   map[string]string
}

type asset struct {
	data        []byte
	contentType string
}

// Load reads the embedded files.
func Load() (*Assets, error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, err
	}
	a := &Assets{byName: map[string]asset{}, urls: map[string]string{}}
	for _, entry := range entries {
		data, err := files.ReadFile(entry.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		ext := path.Ext(entry.Name())
		public := strings.TrimSuffix(entry.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.byName[public] = asset{data: data, contentType: contentTypes[ext]}
		a.urls[entry.Name()] = "/static/" + public
	}
	return a, nil
}

var contentTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// URL returns the address of an embedded file, for example of "app.css".
func (a *Assets) URL(name string) string { return a.urls[name] }

// Serve writes the file with a public name and reports whether there is one.
func (a *Assets) Serve(w http.ResponseWriter, public string) bool {
	found, ok := a.byName[public]
	if !ok {
		return false
	}
	w.Header().Set("Content-Type", found.contentType)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(found.data) // the browser went away
	return true
}
