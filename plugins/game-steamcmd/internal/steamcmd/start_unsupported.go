//go:build !linux

package steamcmd

import (
	"errors"
	"io"
	"os/exec"
)

func start(*exec.Cmd) (io.ReadCloser, bool, error) {
	return nil, false, errors.New("game servers exist on Linux only")
}

func end(*exec.Cmd) {}
