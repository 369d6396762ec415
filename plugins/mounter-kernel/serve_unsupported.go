//go:build !linux

package main

import "errors"

func serve(string) error {
	return errors.New("overlayfs is part of Linux, and this is another system")
}
