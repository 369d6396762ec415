package overlay

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

// ItemsFile is where a builder lists the parts of an overlay's content; see the package builder of the sdk.
const ItemsFile = ".left4me/items.json"

// maxItemsFile bounds what is read of it, in bytes.
const maxItemsFile = 16 << 20

// Item is one part of an overlay's content that its builder names.
type Item struct {
	ID      string   `json:"id"`
	Title   string   `json:"title"`
	Version string   `json:"version"`
	Bytes   int64    `json:"size"`
	File    string   `json:"file"`
	Author  string   `json:"author"`
	Page    string   `json:"page"`
	Updated int64    `json:"updated"` // Unix time
	Tags    []string `json:"tags"`
	Picture string   `json:"-"` // changes whenever the picture does; "" if there is none
	Problem string   `json:"-"` // of the last build
	Absent  bool     `json:"-"` // from the present revision
}

// UpdatedAt is when the item changed at its source; zero if that is not known.
func (i Item) UpdatedAt() time.Time {
	if i.Updated <= 0 {
		return time.Time{}
	}
	return time.Unix(i.Updated, 0).UTC()
}

// Items lists the parts of an overlay's present content, and those that its last build could not have. A builder that
// names none gives none.
func (m *Manager) Items(ctx context.Context, name string) ([]Item, error) {
	o, err := m.store.OverlayByName(ctx, name)
	if err != nil {
		return nil, err
	}
	items, err := m.list(ctx, o)
	if err == nil {
		m.describe(ctx, o, items)
	}
	return items, err
}

// list is Items without what only the builder knows.
func (m *Manager) list(ctx context.Context, o Overlay) ([]Item, error) {
	var items []Item
	var err error
	if o.Revision != "" {
		layer := content.Layer{Overlay: o.ID, Revision: o.Revision}
		items, err = m.listed.get(layer, func() ([]Item, error) { return m.readItems(ctx, layer) })
		if err != nil {
			return nil, err
		}
	}
	last, err := m.jobs.List(ctx, job.Filter{Subject: subject(o), Kind: KindBuild, Limit: 1})
	if err != nil || len(last) == 0 {
		return items, err
	}
	built, err := resultOf(last[0])
	if err != nil {
		return nil, err
	}
	return withProblems(items, built.Changes), nil
}

// readItems reads the list of a revision. What strangers wrote is made fit for a page.
func (m *Manager) readItems(ctx context.Context, layer content.Layer) ([]Item, error) {
	var data []byte
	for {
		const most = 1 << 20
		more, size, err := m.disk.ReadFile(ctx, layer, ItemsFile, int64(len(data)), most)
		if fault.Is(err, fault.NotFound) {
			return nil, nil
		}
		if err != nil || size > maxItemsFile {
			return nil, err
		}
		data = append(data, more...)
		if len(more) == 0 || int64(len(data)) >= size {
			break
		}
	}
	var list struct {
		Items []Item `json:"items"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fault.Wrap(err, fault.Precondition, "The builder's list of items cannot be read.").WithHint("Build the overlay anew.")
	}
	for i := range list.Items {
		list.Items[i].tidy()
	}
	return list.Items, nil
}

func (i *Item) tidy() {
	for _, text := range []*string{&i.ID, &i.Title, &i.Version, &i.File, &i.Author} {
		*text = oneLine(*text)
	}
	for n := range i.Tags {
		i.Tags[n] = oneLine(i.Tags[n])
	}
	if page, err := url.Parse(i.Page); err != nil || page.Scheme != "https" || page.Host == "" {
		i.Page = ""
	}
}

// oneLine leaves out control characters, and what is beyond 300 bytes.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7F && r < 0xA0 || r >= 0x2028 && r <= 0x202E || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > 300 {
		return strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}

// withProblems notes what failed, and adds items that are not there.
func withProblems(items []Item, changes []ItemChange) []Item {
	at := make(map[string]int, len(items))
	for i, item := range items {
		at[item.ID] = i
	}
	for _, change := range changes {
		if change.Kind != "failed" {
			continue
		}
		if i, there := at[change.ID]; there {
			items[i].Problem = oneLine(change.Reason)
			continue
		}
		items = append(items, Item{ID: oneLine(change.ID), Title: oneLine(change.Title), Problem: oneLine(change.Reason), Absent: true})
	}
	return items
}
