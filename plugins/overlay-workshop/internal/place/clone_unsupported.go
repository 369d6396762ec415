//go:build !linux

package place

import (
	"errors"
	"os"
)

func clone(*os.File, *os.File) error { return errors.ErrUnsupported }
