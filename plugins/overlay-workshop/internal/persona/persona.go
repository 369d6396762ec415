// Package persona finds the names of Steam accounts on their public profile pages, which need no key.
//
// The page in its XML form is /profiles/<SteamID64>/?xml=1: a document whose root is profile, with the elements steamID64
// and steamID, the name, near its top. An account without a page gives a document with the root response. What comes is
// from strangers: it is read up to a bound, parsed with tolerance, and the name is made fit for one line.
package persona

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/transport"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/workshop"
)

// Bounds of what is read.
const (
	maxPage = 256 << 10        // bytes; real pages have some 10 KiB
	maxName = 64               // characters; Steam allows 32
	patient = 20 * time.Second // for the body, once it begins
)

// ErrNone is wrapped when there is no name to be had: asking again soon does not help.
var ErrNone = errors.New("the account has no public name")

// Client asks for names. It is safe for concurrent use.
type Client struct {
	Base *url.URL // such as https://steamcommunity.com
	HTTP *http.Client
}

// ValidID reports whether id can be the 64-bit id of a person's account.
func ValidID(id string) bool {
	return len(id) == 17 && strings.HasPrefix(id, "7656119") && strings.Trim(id, "0123456789") == ""
}

// Name returns the name of an account. Errors that wrap neither ErrNone nor transport.ErrBusy may be gone next time.
func (c *Client) Name(ctx context.Context, id string) (string, error) {
	if !ValidID(id) {
		return "", fmt.Errorf("%w: %.20q is no account", ErrNone, id)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	address := c.Base.JoinPath("profiles", id, "/")
	address.RawQuery = "xml=1"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("User-Agent", workshop.UserAgent)
	response, err := c.HTTP.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close() //nolint:errcheck // read only
	defer time.AfterFunc(patient, cancel).Stop()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return "", fmt.Errorf("%w: status %d", transport.ErrBusy, response.StatusCode)
	case http.StatusNotFound, http.StatusGone, http.StatusForbidden:
		return "", fmt.Errorf("%w: status %d", ErrNone, response.StatusCode)
	default:
		return "", fmt.Errorf("the profile page answers with status %d", response.StatusCode)
	}
	page, err := io.ReadAll(io.LimitReader(response.Body, maxPage))
	if name, found := Parse(page, id); found {
		return name, nil // also if the rest broke off
	}
	if err != nil {
		return "", err
	}
	return "", fmt.Errorf("%w: its page is in another form", ErrNone)
}

// Parse finds the name on a profile page of an account. A page of another account has none.
func Parse(page []byte, id string) (name string, found bool) {
	decoder := xml.NewDecoder(bytes.NewReader(bytes.Map(legal, page)))
	decoder.Strict = false
	decoder.Entity = xml.HTMLEntity
	decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is UTF-8, whatever it says
	var path []string
	for {
		token, err := decoder.Token()
		if err != nil {
			return "", false
		}
		switch token := token.(type) {
		case xml.StartElement:
			path = append(path, token.Name.Local)
			if len(path) == 1 && path[0] != "profile" {
				return "", false
			}
		case xml.EndElement:
			path = path[:max(len(path)-1, 0)]
		case xml.CharData:
			if len(path) != 2 {
				continue
			}
			switch text := string(token); {
			case path[1] == "steamID64" && strings.TrimSpace(text) != "" && strings.TrimSpace(text) != id:
				return "", false
			case path[1] == "steamID":
				if name := clean(text); name != "" {
					return name, true
				}
			}
		}
	}
}

// legal drops what no XML document may have, and a parser gives up at. What is no UTF-8 comes as one sign for it.
func legal(r rune) rune {
	if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
		return -1
	}
	return r
}

// clean makes a name fit for one line; one of which nothing can be seen is none.
func clean(text string) string {
	text = strings.Join(strings.Fields(workshop.Tidy(text)), " ")
	if !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Mn, r) }) {
		return ""
	}
	if runes := []rune(text); len(runes) > maxName {
		return string(runes[:maxName]) + "…"
	}
	return text
}
