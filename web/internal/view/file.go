package view

import (
	"net/url"
	"path"
	"strings"
	"unicode"

	"github.com/left4me/left4me/agent/api"
)

// FilesData is what the page of a server's files shows.
type FilesData struct {
	Server    string
	Directory api.Directory
}

// FileData is what the page of one file shows.
type FileData struct {
	Server, Path string
	Entry        api.FileInfo
	Layer        string // that the person asked for; "" = what the game sees
	Size         int64
	Text         bool // Content is what is in it
	Content      string
	Sum          string // of Content as it was read
	CRLF         bool
	New          bool
}

// Writable reports whether the text on the page can be saved.
func (d FileData) Writable() bool { return d.Text && d.Layer == "" && !d.Entry.Generated }

// FileURL is the address of a page about a path of a server: files, file, file-download or file-reset.
func FileURL(p Page, server, what, file, layer string) string {
	query := url.Values{}
	for name, value := range map[string]string{"path": file, "layer": layer} {
		if value != "" {
			query.Set(name, value)
		}
	}
	out := p.URL("servers", server, what)
	if len(query) > 0 {
		out += "?" + query.Encode()
	}
	return out
}

// Crumb is one directory on the way to a path.
type Crumb struct{ Name, Path string }

// Crumbs are the directories that lead to a path, from the top.
func Crumbs(file string) []Crumb {
	var out []Crumb
	for ; file != "" && file != "."; file = path.Dir(file) {
		out = append([]Crumb{{path.Base(file), file}}, out...)
	}
	return out
}

// SafeName shows a name that a game chose: control characters, and those that turn the direction of text, are made
// visible.
func SafeName(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f {
			return '\uFFFD'
		}
		return r
	}, name)
}

// layerName is a layer's label for people.
func layerName(label string) string {
	if label == "server" {
		return "the server itself"
	}
	return strings.TrimPrefix(label, "overlay/")
}

func joined(directory, name string) string {
	if directory == "" {
		return name
	}
	return directory + "/" + name
}

func base(file string) string { return path.Base(file) }

func parent(file string) string { return strings.TrimPrefix(path.Dir(file), ".") }

// newPath is what the path of a new file in a directory begins with, for an address.
func newPath(directory string) string {
	if directory == "" {
		return ""
	}
	return url.QueryEscape(directory + "/")
}
