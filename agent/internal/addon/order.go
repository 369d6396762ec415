package addon

import (
	"context"
	"fmt"
	"strings"

	"github.com/left4me/left4me/agent/internal/content"
)

// ListFile is where the game keeps the load order of add-ons. It takes the first of two files from the add-on that stands
// higher there, keeps the order it finds, and appends what is new.
const ListFile = "left4dead2/addonlist.txt"

// List returns the content of a ListFile that makes the game load add-ons in the order of layers, highest first, and by
// name within one: the order that [Look] tells winners by. It is nil when there are no add-ons, or when a layer has a list of
// its own, which then counts.
func List(ctx context.Context, source Source, layers []content.Layer) ([]byte, error) {
	seen := map[string]bool{}
	var out strings.Builder
	out.WriteString("\"AddonList\"\n{\n")
	for _, layer := range layers {
		if layer.Release != "" {
			continue
		}
		own, err := source.Has(ctx, layer, ListFile)
		if err != nil || own {
			return nil, err
		}
		files, err := source.Files(ctx, layer)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if key := strings.ToLower(file.Name); !seen[key] && !strings.ContainsAny(file.Name, "\"\n\r") {
				seen[key] = true
				fmt.Fprintf(&out, "\t\"%s\"\t\t\"1\"\n", file.Name)
			}
		}
	}
	if len(seen) == 0 {
		return nil, nil
	}
	out.WriteString("}\n")
	return []byte(out.String()), nil
}
