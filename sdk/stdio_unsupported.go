//go:build !linux

package sdk

import "os"

// takeStdio leaves the descriptors as they are: only Linux hosts run plugins in production.
func takeStdio() (in, out *os.File, err error) { return os.Stdin, os.Stdout, nil }
