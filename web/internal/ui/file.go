package ui

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/right"
	"github.com/left4me/left4me/web/internal/view"
)

// maxEdit is the largest file that a page shows and edits, in bytes: a form of it, percent-encoded, must stay below
// maxForm.
const maxEdit = 256 << 10

// downloadFor bounds a download over a slow line.
const downloadFor = 2 * time.Hour

// filePath is the path that a request is about, as an agent wants it.
func filePath(r *http.Request) string { return strings.Trim(r.URL.Query().Get("path"), "/") }

func (p *Panel) files(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	name := param(r, "name")
	data := view.FilesData{Server: name}
	if data.Directory, err = agent.Files(r.Context(), name, filePath(r)); err != nil {
		return err
	}
	return p.show(w, r, view.Files(p.page(r, "servers", "Files · "+name), data))
}

func (p *Panel) collisions(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	name := param(r, "name")
	found, err := agent.Collisions(r.Context(), name)
	if err != nil {
		return err
	}
	return p.show(w, r, view.Collisions(p.page(r, "servers", "Collisions · "+name), name, found))
}

func (p *Panel) file(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	name := param(r, "name")
	if r.URL.Query().Get("new") != "" {
		data := view.FileData{Server: name, Path: r.URL.Query().Get("path"), New: true, Text: true}
		return p.show(w, r, view.File(p.page(r, "servers", "New file · "+name), data, nil))
	}
	data, err := p.fileData(r, agent, name, filePath(r))
	if err != nil {
		return err
	}
	return p.show(w, r, view.File(p.page(r, "servers", path.Base(data.Path)+" · "+name), data, nil))
}

// fileData reads what a page shows of a file.
func (p *Panel) fileData(r *http.Request, agent *client.Client, name, file string) (view.FileData, error) {
	data := view.FileData{Server: name, Path: file}
	listed, err := agent.Files(r.Context(), name, strings.TrimPrefix(path.Dir(file), "."))
	if err != nil {
		return data, err
	}
	at := slices.IndexFunc(listed.Entries, func(e api.FileInfo) bool { return e.Name == path.Base(file) && !e.Unnamed })
	if at < 0 {
		return data, errNothing("file", file)
	}
	data.Entry = listed.Entries[at]
	layer := r.URL.Query().Get("layer")
	if data.Layer = layer; layer == "" && (data.Entry.Deleted || data.Entry.Kind != "file") {
		return data, nil
	}
	opened, err := agent.OpenFile(r.Context(), name, file, layer, "")
	if err != nil {
		return data, err
	}
	defer opened.Close()
	data.Size = opened.Size
	if opened.Size > maxEdit {
		return data, nil
	}
	content, err := io.ReadAll(io.LimitReader(opened, maxEdit+1))
	if err != nil {
		return data, err
	}
	if len(content) <= maxEdit && utf8.Valid(content) && !slices.Contains(content, 0) {
		sum := sha256.Sum256(content)
		data.Text, data.Content, data.Sum = true, string(content), hex.EncodeToString(sum[:])
	}
	return data, nil
}

// fileSave writes what a person typed. Browsers send lines with CR and LF; files of the game have LF, unless the file
// that was edited had both.
func (p *Panel) fileSave(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	data := view.FileData{Server: param(r, "name"), Path: strings.Trim(r.PostFormValue("path"), "/"), Sum: r.PostFormValue("was"), Text: true,
		Content: r.PostFormValue("text"), CRLF: r.PostFormValue("crlf") != "", New: r.PostFormValue("was") == ""}
	text := strings.ReplaceAll(data.Content, "\r\n", "\n")
	if data.CRLF {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	note(r, "%q, %d bytes", cut(data.Path), len(text))
	if data.New {
		// What is there already was not seen by the person, and is not replaced.
		if _, err := p.fileData(r, agent, data.Server, data.Path); err == nil {
			problem := &view.Problem{Message: "There is a file of that name already.", Hint: "Open it to edit it, or use another name.", Field: "path"}
			return p.render(w, r, http.StatusConflict, view.File(p.page(r, "servers", "New file · "+data.Server), data, problem))
		}
	}
	if err := agent.PutFile(r.Context(), data.Server, data.Path, data.Sum, []byte(text)); err != nil {
		problem, status := problemOf(err)
		return p.render(w, r, status, view.File(p.page(r, "servers", "File · "+data.Server), data, problem))
	}
	return p.done(w, r, view.FileURL(view.Page{Host: p.hostName(r)}, data.Server, "file", data.Path, ""), "File written. It is the server's own now.")
}

// fileDownload passes a file on. What is in it comes from games and strangers: it is never shown in the page's name.
func (p *Panel) fileDownload(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	opened, err := agent.OpenFile(r.Context(), param(r, "name"), filePath(r), r.URL.Query().Get("layer"), r.Header.Get("Range"))
	if err != nil {
		return err
	}
	defer opened.Close()
	for _, name := range []string{"Content-Disposition", "Content-Length", "Content-Range", "Accept-Ranges"} {
		if value := opened.Header.Get(name); value != "" {
			w.Header().Set(name, value)
		}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'")
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(downloadFor)) // a recorder has none
	w.WriteHeader(opened.Status)
	_, _ = io.Copy(w, opened) // the browser or the agent went away: the length tells the browser
	return nil
}

func (p *Panel) fileConfirm(w http.ResponseWriter, r *http.Request) error {
	name, file := param(r, "name"), filePath(r)
	page := p.page(r, "servers", "Reset "+path.Base(file))
	return p.show(w, r, view.Confirm(page, "Throws away what server "+name+" itself has at "+view.SafeName(file)+", with everything below it. What its layers have there shows again at the next start. The server must be stopped.",
		"What the server wrote there is lost for good.", "Reset it", view.FileURL(page, name, "files", strings.TrimPrefix(path.Dir(file), "."), "")))
}

func (p *Panel) fileReset(w http.ResponseWriter, r *http.Request) error {
	agent, err := p.agent(r)
	if err != nil {
		return err
	}
	name, file := param(r, "name"), filePath(r)
	note(r, "%q", cut(file))
	if err := agent.ResetFile(r.Context(), name, file); err != nil {
		return err
	}
	target := p.url(r, "servers", name, "files")
	if dir := path.Dir(file); dir != "." && may(r, right.ServerFiles) {
		target += "?path=" + url.QueryEscape(dir)
	}
	return p.done(w, r, target, "Thrown away. The layers below show again.")
}
