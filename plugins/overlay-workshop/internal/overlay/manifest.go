package overlay

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/workshop"
	"github.com/left4me/left4me/sdk/builder"
)

// Places in the tree.
const (
	ManifestName = builder.ItemsFile
	addonsDir    = "left4dead2/addons"
)

// maxManifest bounds what is read back.
const maxManifest = 16 << 20

// Manifest lists what the builder made, in the form of builder.ItemsFile with fields of its own. It holds nothing that differs between two builds of the same content.
type Manifest struct {
	Version     int      `json:"version"` // of this form: 1
	Items       []Record `json:"items"`   // sorted by id
	Collections []string `json:"collections,omitempty"`
}

// Record is one file of the manifest.
type Record struct {
	ID        string   `json:"id"`
	Content   string   `json:"version"`   // id of the content
	Size      int64    `json:"size"`      // of the file
	Announced int64    `json:"announced"` // size as the API has it; differs for some items from steamcmd
	Title     string   `json:"title"`     // as it was when the file was made, like the fields below
	URL       string   `json:"url,omitempty"`
	Updated   int64    `json:"updated,omitempty"` // Unix time
	Creator   string   `json:"author,omitempty"`  // SteamID64
	Preview   string   `json:"preview,omitempty"`
	Tags      []string `json:"tags,omitempty"`
	File      string   `json:"file"` // made by encode, like Page
	Page      string   `json:"page"`
}

// fileName is where the file of an item goes. The game loads no file whose name has two dots.
func fileName(id string) string { return addonsDir + "/" + id + ".vpk" }

// readManifest returns the records by id. A manifest that is absent, damaged or of a newer form counts as empty: then
// no file in the tree is the builder's own.
func readManifest(tree *os.Root) (map[string]Record, []string) {
	file, err := tree.Open(ManifestName)
	if err != nil {
		return nil, nil
	}
	defer file.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(io.LimitReader(file, maxManifest))
	var manifest Manifest
	if err != nil || json.Unmarshal(data, &manifest) != nil || manifest.Version != 1 {
		return nil, nil
	}
	out := make(map[string]Record, len(manifest.Items))
	for _, record := range manifest.Items {
		if workshop.ValidID(record.ID) && workshop.ValidContent(record.Content) && record.Size > 0 {
			out[record.ID] = record
		}
	}
	return out, slices.DeleteFunc(manifest.Collections, func(id string) bool { return !workshop.ValidID(id) })
}

// intact reports whether the file of a record is in the tree as it was made.
func (r Record) intact(tree *os.Root) bool {
	info, err := tree.Lstat(fileName(r.ID))
	return err == nil && info.Mode().IsRegular() && info.Size() == r.Size
}

// same reports whether two records stand for the same content.
func (r Record) same(other Record) bool {
	return r.ID == other.ID && r.Content == other.Content && r.Announced == other.Announced
}

// encode writes the manifest with records sorted by id.
func encode(records []Record, collections []string) ([]byte, error) {
	sortRecords(records)
	for i := range records {
		records[i].File, records[i].Page = fileName(records[i].ID), pageOf(records[i].ID)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(Manifest{Version: 1, Items: records, Collections: collections})
	return out.Bytes(), err
}

// pageOf is where people can read about an item.
func pageOf(id string) string { return "https://steamcommunity.com/sharedfiles/filedetails/?id=" + id }

// sortRecords orders by number.
func sortRecords(records []Record) {
	slices.SortFunc(records, func(a, b Record) int {
		if len(a.ID) != len(b.ID) {
			return len(a.ID) - len(b.ID)
		}
		return strings.Compare(a.ID, b.ID)
	})
}

// cacheKey names a content: equal keys have the same files.
func cacheKey(records []Record) string {
	sorted := slices.Clone(records)
	sortRecords(sorted)
	sum := sha256.New()
	for _, record := range sorted {
		fmt.Fprintf(sum, "%s %s %d\n", record.ID, record.Content, record.Announced) // a hash never fails
	}
	return "workshop-1-" + hex.EncodeToString(sum.Sum(nil)[:20])
}

// ReadManifest decodes a manifest, for tools.
func ReadManifest(data []byte) (Manifest, error) {
	var out Manifest
	if err := json.Unmarshal(data, &out); err != nil {
		return Manifest{}, err
	}
	if out.Version != 1 {
		return Manifest{}, errors.New("the manifest has an unknown form")
	}
	return out, nil
}
