//go:build !linux

package process

import (
	"context"
	"errors"
	"time"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/id"
	"github.com/left4me/left4me/agent/internal/server"
)

// ShimCommand is the first argument that makes a program a shim.
const ShimCommand = "unit-shim"

// ShimMain never handles anything on this system.
func ShimMain([]string) (code int, handled bool) { return 0, false }

// Supervisor cannot run here: it needs Linux.
type Supervisor struct{ consoles *consoles }

func unsupported() error {
	return fault.New(fault.Unavailable, "Game servers can only be run on Linux.").WithHint("Run the agent on a Linux host.")
}

// New fails.
func New(context.Context, Options) (*Supervisor, error) { return nil, unsupported() }

// Close does nothing.
func (s *Supervisor) Close() error { return nil }

// Start fails.
func (s *Supervisor) Start(context.Context, server.LaunchPlan) error { return unsupported() }

// Stop fails.
func (s *Supervisor) Stop(context.Context, string, time.Duration) error { return unsupported() }

// Forget fails.
func (s *Supervisor) Forget(context.Context, string) error { return unsupported() }

// List fails.
func (s *Supervisor) List(context.Context) ([]server.UnitStatus, error) { return nil, unsupported() }

// Watch fails.
func (s *Supervisor) Watch(context.Context, func(server.UnitStatus)) error { return unsupported() }

// Usage fails.
func (s *Supervisor) Usage(context.Context, string) (server.Usage, error) {
	return server.Usage{}, unsupported()
}

// Unenforced returns them all.
func (s *Supervisor) Unenforced(limits blueprint.Limits) []string { return limits.Names() }

func validServer(name string) bool { return id.ValidName(name) }

func unknownServer() error { return unsupported() }

// notifier is part of following consoles.
type notifier struct{}

type watch struct{ changed, gone chan struct{} }

func newNotifier() (*notifier, error) { return nil, errors.ErrUnsupported }

func (*notifier) watch(string) (*watch, error) { return nil, errors.ErrUnsupported }
func (*notifier) forget(*watch)                {}
func (*notifier) close()                       {}
