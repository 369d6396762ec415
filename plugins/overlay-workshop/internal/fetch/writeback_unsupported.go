//go:build !linux

package fetch

import "os"

func writeBack(*os.File, int64, int64) {}
