package addon

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/left4me/left4me/agent/internal/content"
)

// promise is the form of the annotations in which a builder lists the add-ons of a revision: NAME.files.00,
// NAME.files.01, … with the names of files without .vpk, separated by commas.
var promise = regexp.MustCompile(`\.files\.[0-9]{2}$`)

// Promised returns the file names that a builder's annotations list, sorted.
func Promised(annotations map[string]string) []string {
	var out []string
	for key, value := range annotations {
		if !promise.MatchString(key) {
			continue
		}
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.TrimSpace(name); name != "" && name != "…" {
				out = append(out, name+".vpk")
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Missing returns the names of those expected files that a layer does not have in their full size, sorted. A size of 0
// stands for any.
func Missing(ctx context.Context, source Source, layer content.Layer, expected []File) ([]string, error) {
	if len(expected) == 0 {
		return nil, nil
	}
	there, err := source.Files(ctx, layer)
	if err != nil {
		return nil, err
	}
	return Lacking(there, expected), nil
}

// Lacking is Missing for files that were listed before.
func Lacking(there, expected []File) []string {
	sizes := make(map[string]int64, len(there))
	for _, file := range there {
		sizes[file.Name] = file.Size
	}
	var out []string
	for _, file := range expected {
		if size, ok := sizes[file.Name]; !ok || cmp.Or(file.Size, size) != size {
			out = append(out, file.Name)
		}
	}
	slices.Sort(out)
	return out
}

// Expect joins what a revision was committed with and what its builder promised.
func Expect(committed []File, annotations map[string]string) []File {
	out := slices.Clone(committed)
	for _, name := range Promised(annotations) {
		if !slices.ContainsFunc(committed, func(f File) bool { return f.Name == name }) {
			out = append(out, File{Name: name})
		}
	}
	return out
}

// Enumerate joins at most five names for a sentence.
func Enumerate(names []string) string {
	if len(names) <= 5 {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:5], ", ") + " and more"
}
