package workshop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// GameApp is the id of Left 4 Dead 2 on Steam.
const GameApp = 550

// Standing says whether an item can be had.
type Standing string

// Standings.
const (
	Available Standing = "available"
	Removed   Standing = "removed"    // deleted, or it never existed
	Private   Standing = "private"    // hidden, or for friends only
	Banned    Standing = "banned"     // by Valve
	OtherGame Standing = "other-game" // made for another game
	Refused   Standing = "refused"    // any other result
)

// Item is what the API says about an item. Only ID and Standing are set unless it is Available.
type Item struct {
	ID       string
	Standing Standing
	Result   int    // EResult of the answer
	Title    string // may be empty
	Content  string // id of the content; a new one means new content
	Size     int64  // bytes of the content as the API has it
	URL      string // of the content; "" if it cannot be had over http
	Preview  string // URL of a picture
	Creator  string // SteamID64
	App      int    // that it is for
	Updated  time.Time
	Tags     []string
	Reason   string // of a ban
}

// Number decodes numbers that the API sends as numbers at times and as strings at others, and booleans.
type number int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(data []byte) error {
	text := string(bytes.Trim(data, `"`))
	switch text {
	case "", "null", "false":
		*n = 0
		return nil
	case "true":
		*n = 1
		return nil
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("%q is not a number", text)
	}
	*n = number(value)
	return nil
}

// text decodes strings that may also come as numbers.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, (*string)(t))
	}
	if string(data) != "null" {
		*t = text(data)
	}
	return nil
}

// wireItem is an item of GetPublishedFileDetails, or of the keyed service with its other names.
type wireItem struct {
	ID         text   `json:"publishedfileid"`
	Result     number `json:"result"`
	Creator    text   `json:"creator"`
	App        number `json:"consumer_app_id"`
	ServiceApp number `json:"consumer_appid"`
	Filename   string `json:"filename"`
	Size       number `json:"file_size"`
	URL        string `json:"file_url"`
	Content    text   `json:"hcontent_file"`
	Preview    string `json:"preview_url"`
	Title      string `json:"title"`
	Updated    number `json:"time_updated"`
	Banned     number `json:"banned"`
	Reason     string `json:"ban_reason"`
	Tags       []struct {
		Tag string `json:"tag"`
	} `json:"tags"`
}

// Results of an answer that mean more than "no".
const (
	resultOK       = 1
	resultNotFound = 9
	resultPrivate  = 15
)

// item turns an answer into an Item.
func (w *wireItem) item() Item {
	out := Item{ID: string(w.ID), Result: int(w.Result)}
	switch w.Result {
	case resultOK:
	case resultNotFound:
		out.Standing = Removed
		return out
	case resultPrivate:
		out.Standing = Private
		return out
	default:
		out.Standing = Refused
		return out
	}
	out.Standing = Available
	out.Title, out.Creator, out.Preview, out.Reason = Tidy(w.Title), string(w.Creator), w.Preview, Tidy(w.Reason)
	out.App = int(max(w.App, w.ServiceApp))
	out.Size = max(int64(w.Size), 0)
	out.Updated = time.Unix(int64(w.Updated), 0).UTC()
	for _, tag := range w.Tags {
		out.Tags = append(out.Tags, Tidy(tag.Tag))
	}
	out.Content = w.content()
	if w.hasUsableURL() {
		out.URL = w.URL
	}
	switch {
	case w.Banned != 0:
		out.Standing = Banned
	case out.App != GameApp:
		out.Standing = OtherGame
	}
	return out
}

// content returns the id of the content. The rare answers without one get an id made of what changes with it.
func (w *wireItem) content() string {
	if id := string(w.Content); validContent(id) && strings.Trim(id, "0") != "" {
		return id
	}
	return fmt.Sprintf("t%d-%d", max(w.Updated, 0), max(w.Size, 0))
}

// validContent reports whether an id is fit to be part of a file name.
func validContent(id string) bool {
	if id == "" || len(id) > 40 {
		return false
	}
	for _, c := range id {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && c != '-' {
			return false
		}
	}
	return true
}

// ValidContent reports whether id can be the id of a content, for example one that a person pins an item to.
func ValidContent(id string) bool { return validContent(id) }

// hasUsableURL reports whether file_url is the content. For items of the new uploader it is empty or the address of
// the preview picture.
func (w *wireItem) hasUsableURL() bool {
	name := strings.ToLower(path.Base(strings.ReplaceAll(w.Filename, `\`, "/")))
	return w.URL != "" && w.URL != w.Preview && (strings.HasSuffix(name, ".vpk") || w.Filename == "")
}

// Tidy makes text of strangers fit for one line of a log or a page.
func Tidy(in string) string {
	out := strings.Join(strings.FieldsFunc(in, func(r rune) bool {
		return r < ' ' || r >= 0x7F && r < 0xA0 || r >= 0x2028 && r <= 0x202E || r >= 0x2066 && r <= 0x2069
	}), " ")
	if runes := []rune(out); len(runes) > 200 {
		out = string(runes[:200]) + "…"
	}
	return strings.ToValidUTF8(strings.TrimSpace(out), "?")
}
