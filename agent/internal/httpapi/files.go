package httpapi

import (
	"context"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
)

// downloadFor bounds a download: a file of a gigabyte over a slow line.
const downloadFor = 2 * time.Hour

// maxListed is how many entries of a directory are listed.
const maxListed = 10_000

func pathParam(doc string) param { return param{name: "path", doc: doc, path: true} }

func fileList(files Files) handler {
	return answers(ok, func(c call) (api.Directory, error) {
		out, err := files.List(c.ctx, c.target, c.query.Get("path"))
		if len(out.Entries) > maxListed {
			out.Entries, out.Truncated = out.Entries[:maxListed], true
		}
		return out, err
	}, pathParam("Of the directory, relative and with slashes; the top if absent."))
}

// fileGet serves the bytes of a file. What is in it was put there by a game or a stranger: no browser may take it for
// anything but a download.
func fileGet(files Files) handler {
	h := handler{status: ok, bytes: true, params: []param{pathParam("Of the file, relative and with slashes."),
		{name: "layer", doc: "Reads the file of this layer: server, overlay/NAME or game."}}}
	h.serve = func(_ *API, w http.ResponseWriter, r *http.Request, c call) error {
		if strings.Contains(r.Header.Get("Range"), ",") {
			return fault.New(fault.Invalid, "Only one range can be asked for.").WithHint("Ask for one, or for the whole file.").WithField("Range")
		}
		ctx, cancel := context.WithTimeout(c.ctx, downloadFor)
		defer cancel()
		file, layer, err := files.Open(ctx, c.target, c.query.Get("path"), c.query.Get("layer"))
		if err != nil {
			return err
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(downloadFor)) // a test's recorder has none
		header := w.Header()
		header.Set("Content-Type", "application/octet-stream")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Content-Security-Policy", "sandbox; default-src 'none'")
		header.Set("Content-Disposition", attachment(path.Base(c.query.Get("path"))))
		header.Set("Cache-Control", "no-store")
		header.Set(api.LayerHeader, layer)
		http.ServeContent(w, r, "", time.Time{}, file)
		return nil
	}
	return h
}

// attachment names a download. What a header cannot carry is left out of the name.
func attachment(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '/' || r == '\\' || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '_'
		}
		return r
	}, name)
	if value := mime.FormatMediaType("attachment", map[string]string{"filename": name}); value != "" {
		return value
	}
	return "attachment"
}

func filePut(files Files) handler {
	h := done(func(c call, text []byte) error {
		return files.Put(c.ctx, c.actor, c.target, c.query.Get("path"), c.query.Get("was"), text)
	})
	h.text = true
	h.params = []param{pathParam("Of the file, relative and with slashes."), {name: "was", doc: "SHA-256 of what is there, in hexadecimal: a change meanwhile is a conflict."}}
	return h
}

func fileReset(files Files) handler {
	h := done(func(c call, _ []byte) error { return files.Reset(c.ctx, c.actor, c.target, c.query.Get("path")) })
	h.params = []param{pathParam("Of what is to be thrown away, with all below it.")}
	return h
}

// done serves what has nothing to answer, and takes text if the row says so.
func done(do func(c call, text []byte) error) handler {
	return handler{status: http.StatusNoContent, serve: func(_ *API, w http.ResponseWriter, r *http.Request, c call) error {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			return &statusError{http.StatusRequestEntityTooLarge,
				fault.New(fault.Invalid, "The file is larger than 1 MiB, or did not come as a whole.").WithHint("Larger files belong in an overlay.")}
		}
		if err := do(c, text); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}}
}
