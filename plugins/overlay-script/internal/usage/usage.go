// Package usage counts what a tree holds.
package usage

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Total of a tree.
type Total struct {
	Bytes uint64 // lengths of all files, holes included: what a copy would hold
	Files uint64 // entries that are not directories
	Dirs  uint64 // directories below the root
}

// Measure walks the tree below dir without following links. What vanishes meanwhile is skipped.
func Measure(ctx context.Context, dir string) (Total, error) {
	var total Total
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if errors.Is(err, os.ErrNotExist) && path != dir {
				return nil
			}
			if errors.Is(err, os.ErrPermission) && path != dir {
				return nil // a directory closed by the script: admission opens or refuses it
			}
			return err
		}
		if entry.IsDir() {
			if path != dir {
				total.Dirs++
			}
			return nil
		}
		total.Files++
		info, err := entry.Info()
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil && info.Mode().IsRegular() {
			total.Bytes += uint64(info.Size())
		}
		return err
	})
	return total, err
}
