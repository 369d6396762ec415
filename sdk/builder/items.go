package builder

// ItemsFile is where a builder may list the parts of an overlay's content, for people: the agent shows them as a table. It
// is part of the content, so it goes back with a rollback. The form is
//
//	{"version": 1, "items": [ITEM, …]}
//
// with items as in [Item]; fields that are not known are left alone, so a builder can keep its own notes in the same file.
const ItemsFile = ".left4me/items.json"

// Item is one entry of ItemsFile. All fields but ID may be left out.
type Item struct {
	ID      string   `json:"id"`
	Title   string   `json:"title,omitempty"`
	Version string   `json:"version,omitempty"` // of the content; any form
	Size    int64    `json:"size,omitempty"`    // bytes
	File    string   `json:"file,omitempty"`    // path in the overlay
	Author  string   `json:"author,omitempty"`
	Page    string   `json:"page,omitempty"`    // https address where people can read about it
	Updated int64    `json:"updated,omitempty"` // Unix time of the change at its source
	Tags    []string `json:"tags,omitempty"`
}
