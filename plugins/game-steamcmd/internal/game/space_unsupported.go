//go:build !linux

package game

import "errors"

func freeBytes(string) (uint64, error) { return 0, errors.New("game servers exist on Linux only") }
