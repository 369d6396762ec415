package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
)

// picture serves the picture of an item. Its bytes were made by a plugin, so they may be a picture and nothing else.
func picture(addons Addons) handler {
	h := handler{status: ok, media: []string{"image/jpeg", "image/png"}, params: []param{{name: "item", doc: "Id of the item, as in the list of items."}}}
	h.serve = func(_ *API, w http.ResponseWriter, r *http.Request, c call) error {
		item := c.query.Get("item")
		if item == "" {
			return fault.New(fault.Invalid, "No item is named.").WithHint("Name one of the list of items.").WithField("item")
		}
		data, mediaType, err := addons.Picture(c.ctx, c.target, item)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		header := w.Header()
		header.Set("Content-Type", mediaType)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Content-Security-Policy", "sandbox; default-src 'none'")
		header.Set("Cache-Control", "private, no-cache")
		header.Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		return nil
	}
	return h
}
