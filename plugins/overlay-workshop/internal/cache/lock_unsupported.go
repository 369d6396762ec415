//go:build !linux

package cache

import (
	"errors"
	"io/fs"
	"os"
)

func lockFile(*os.File) error { return errors.ErrUnsupported }

func isOurs(fs.FileInfo) bool { return false }

// Free is not available on this system.
func Free(string) (int64, error) { return 0, errors.ErrUnsupported }

// SameSpace is not available on this system.
func SameSpace(string, string) bool { return false }
