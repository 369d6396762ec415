//go:build !linux

package pluginhost

import (
	"context"
	"errors"

	"github.com/left4me/left4me/agent/internal/fault"
)

// child cannot be started on this system: privileges and the life of processes are Linux's.
type child struct{ *link }

func newChild(_ Launch, _ identity, log *sink) process { return &child{newLink(log)} }

func (c *child) prepare([]string, string) error { return nil }

func (c *child) Start(context.Context) error {
	c.fail(lasting(fault.Precondition, "cannot be started: plugins run on Linux only."))
	c.finish("was not started")
	return errors.ErrUnsupported
}

func (c *child) Kill(context.Context) error { return nil }
func (c *child) kill()                      {}
func (c *child) pid() int                   { return 0 }
func (c *child) ID() string                 { return "" }
func (c *child) Name() string               { return "" }
