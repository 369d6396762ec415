// Package workshop talks to the Steam Workshop: it reads what people paste as item ids, asks the Web API about items
// and collections, and resolves collections to items.
//
// The two API calls need no key: ISteamRemoteStorage/GetPublishedFileDetails and GetCollectionDetails, version 1,
// described in Valve's documentation "ISteamRemoteStorage Interface". Ids are kept as strings throughout, as
// the API has them: they do not fit a float64.
package workshop

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// MaxID is the longest id, in digits. Ids are unsigned 64-bit numbers.
const MaxID = 20

// ValidID reports whether id is the number of an item or a collection.
func ValidID(id string) bool {
	if id == "" || len(id) > MaxID || id[0] == '0' {
		return false
	}
	for _, c := range id {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// BadInput is a piece of pasted text that names no item.
type BadInput struct {
	Entry int    // index of the list entry, from 0
	Text  string // the piece
}

// separators between ids: blanks, commas, semicolons, line ends.
var separators = regexp.MustCompile(`[\s,;]+`)

// ParseInput reads ids and addresses from entries, each of which may hold many, on many lines. What follows a "#" or
// "//" at the start of a line or after a blank is a comment. Duplicates are left out; the order is kept.
func ParseInput(entries []string) (ids []string, bad []BadInput) {
	seen := make(map[string]bool)
	for i, entry := range entries {
		for line := range strings.Lines(strings.ReplaceAll(entry, "\r", "\n")) {
			for _, piece := range separators.Split(withoutComment(line), -1) {
				if piece == "" {
					continue
				}
				id, ok := parseOne(piece)
				switch {
				case !ok:
					bad = append(bad, BadInput{Entry: i, Text: piece})
				case !seen[id]:
					seen[id] = true
					ids = append(ids, id)
				}
			}
		}
	}
	return ids, bad
}

// comment starts at "#" or "//" after a blank or at the start of a line.
var comment = regexp.MustCompile(`(^|\s)(#|//)`)

func withoutComment(line string) string {
	if at := comment.FindStringIndex(line); at != nil {
		return line[:at[0]]
	}
	return line
}

// pages of steamcommunity.com that show an item or a collection.
var pages = [...]string{"/sharedfiles/filedetails", "/workshop/filedetails"}

// parseOne reads an id, or a Workshop address with ?id=…, also in its steam:// form.
func parseOne(text string) (string, bool) {
	text = strings.Trim(text, "<>\"'()[]")
	if ValidID(text) {
		return text, true
	}
	if rest, ok := strings.CutPrefix(text, "steam://openurl/"); ok {
		text = rest
	}
	if rest, ok := strings.CutPrefix(text, "steam://url/CommunityFilePage/"); ok {
		return rest, ValidID(rest)
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	address, err := url.Parse(text)
	if err != nil || address.Scheme != "https" && address.Scheme != "http" {
		return "", false
	}
	host := strings.TrimPrefix(strings.ToLower(address.Hostname()), "www.")
	path := strings.ToLower(strings.TrimRight(address.Path, "/"))
	if host != "steamcommunity.com" || !slices.Contains(pages[:], path) {
		return "", false
	}
	id := address.Query().Get("id")
	return id, ValidID(id)
}
