//go:build !linux

package cgroup

import (
	"errors"
	"os"
)

// lock fails: cgroups are Linux's.
func lock(string) (*os.File, error) { return nil, errors.ErrUnsupported }
