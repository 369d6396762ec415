//go:build !linux

package demo

import (
	"context"
	"io"

	"github.com/left4me/left4me/agent/internal/fault"
)

// Run fails: game servers and their mounts exist on Linux only.
func Run(context.Context, Options, io.Writer, io.Writer) error { return unsupported() }

// Inside fails: game servers and their mounts exist on Linux only.
func Inside(context.Context, Options, io.Writer, io.Writer) error { return unsupported() }

func unsupported() error {
	return fault.New(fault.Precondition, "The demo needs Linux.").WithHint("Run it in a Linux machine or virtual machine.")
}
