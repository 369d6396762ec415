// Package vpkfile reads add-ons out of content: it finds the VPK files of a layer through the mounter and reads their trees
// with the parsers of the sdk. The parsers are made for files of strangers and run here, in the part of left4me that has no
// privilege.
package vpkfile

import (
	"context"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/left4me/left4me/agent/internal/addon"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/sdk/format/campaign"
	"github.com/left4me/left4me/sdk/format/vpk"
)

// maxTree bounds the list of files of one VPK, in bytes. The largest campaigns have about 2 MiB.
const maxTree = 16 << 20

// maxProblems bounds what is said about one VPK.
const maxProblems = 20

// Source implements addon.Source. It is safe for concurrent use.
type Source struct {
	Disk content.Browser
}

var _ addon.Source = Source{}

// Files implements addon.Source. Links and directories named like add-ons are not counted.
func (s Source) Files(ctx context.Context, layer content.Layer) ([]addon.File, error) {
	var out []addon.File
	err := s.Disk.ReadDir(ctx, layer, addon.Dir, func(entry content.Entry) error {
		if entry.Kind == "file" && strings.EqualFold(path.Ext(entry.Name), ".vpk") {
			out = append(out, addon.File{Name: entry.Name, Size: entry.Size})
		}
		return nil
	})
	if fault.Is(err, fault.NotFound) && s.there(ctx, layer) {
		return nil, nil
	}
	return out, err
}

// there tells a layer without add-ons from a layer that is gone.
func (s Source) there(ctx context.Context, layer content.Layer) bool {
	return s.Disk.ReadDir(ctx, layer, "", func(content.Entry) error { return nil }) == nil
}

// Has implements addon.Source.
func (s Source) Has(ctx context.Context, layer content.Layer, path string) (bool, error) {
	_, _, err := s.Disk.ReadFile(ctx, layer, path, 0, 0)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// Read implements addon.Source.
func (s Source) Read(ctx context.Context, layer content.Layer, file addon.File, report func(addon.Inner)) (addon.Pack, error) {
	out := addon.Pack{File: file}
	from := &part{ctx: ctx, disk: s.Disk, layer: layer, path: addon.Dir + "/" + file.Name, size: file.Size}
	reader, err := vpk.NewReader(from, file.Size)
	if from.failure != nil {
		return out, from.failure
	}
	if err != nil {
		out.Fault = sentence(err)
		return out, nil
	}
	for _, inner := range reader.Files() {
		report(addon.Inner{Path: strings.ToLower(strings.ReplaceAll(inner.Name, `\`, "/")), CRC: inner.CRC, Size: inner.Size})
	}
	listing := campaign.Read(reader)
	if from.failure != nil {
		return out, from.failure
	}
	describe(&out, listing)
	return out, nil
}

func describe(out *addon.Pack, listing campaign.Listing) {
	out.Title, out.Author, out.Version = listing.Addon.Title, listing.Addon.Author, listing.Addon.Version
	out.Maps = listing.Maps
	if strings.Count(out.Name, ".") > 1 {
		out.Problems = append(out.Problems, "The game on Linux does not load a file with two dots in its name.")
	}
	out.Problems = append(out.Problems, listing.Problems...)
	if more := len(out.Problems) - maxProblems; more > 0 {
		out.Problems = append(out.Problems[:maxProblems], "And more of this kind.")
	}
	for _, found := range listing.Campaigns {
		made := addon.Campaign{Name: found.Name, Title: found.Title}
		for _, mode := range found.Modes {
			chapters := make([]addon.Chapter, len(mode.Chapters))
			for i, chapter := range mode.Chapters {
				chapters[i] = addon.Chapter{Number: chapter.Number, Map: chapter.Map, Title: chapter.Title}
			}
			made.Modes = append(made.Modes, addon.Mode{Name: mode.Name, Chapters: chapters})
		}
		out.Campaigns = append(out.Campaigns, made)
	}
}

func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// block is how much is read at once: most packs have their whole tree and texts in a few.
const block = 64 << 10

// part is a file of a layer as an io.ReaderAt. It remembers the last block, and the first failure of the mounter, which a
// parser cannot tell from a damaged file.
type part struct {
	ctx   context.Context //nolint:containedctx // io.ReaderAt has no other way
	disk  content.Browser
	layer content.Layer
	path  string
	size  int64

	at      int64
	data    []byte
	failure error
}

// errTree is what a parser gets for a pack whose tree is beyond maxTree.
var errTree = errors.New("its list of files is too large")

// ReadAt implements io.ReaderAt.
func (p *part) ReadAt(into []byte, offset int64) (int, error) {
	if len(into) > maxTree {
		return 0, errTree
	}
	total := 0
	for total < len(into) {
		from := offset + int64(total)
		if from >= p.size {
			return total, io.EOF
		}
		if from < p.at || from >= p.at+int64(len(p.data)) {
			if err := p.load(from, len(into)-total); err != nil {
				return total, err
			}
		}
		total += copy(into[total:], p.data[from-p.at:])
	}
	return total, nil
}

// load reads a block from offset on, or more if more is wanted.
func (p *part) load(offset int64, want int) error {
	const most = 1 << 20 // of one call
	data, size, err := p.disk.ReadFile(p.ctx, p.layer, p.path, offset, int64(min(max(want, block), most)))
	if err == nil && (size != p.size || len(data) == 0) {
		err = fault.New(fault.Conflict, "%s changed while it was read.", p.path).WithHint("Build the overlay again.")
	}
	if err != nil {
		if p.failure == nil {
			p.failure = err
		}
		return err
	}
	p.at, p.data = offset, data
	return nil
}
