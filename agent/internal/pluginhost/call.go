package pluginhost

import (
	"context"
	"errors"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// acquire returns the instance to call, after waiting for one that is starting.
func (s *supervisor) acquire(ctx context.Context) (*instance, error) {
	deadline := time.Now().Add(s.timing.Wait)
	waiting, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	for {
		changed := s.own.wait()
		s.mu.Lock()
		current, status := s.current, s.status
		s.mu.Unlock()
		if current != nil && !current.isGone() {
			return current, nil
		}
		soon := current != nil || status.State == Starting || (status.State == Backoff && status.RetryAt.Before(deadline))
		if !soon {
			return nil, s.unavailable(status)
		}
		select {
		case <-changed:
		case <-waiting.Done():
			if err := ctx.Err(); err != nil {
				return nil, s.ofContext(err)
			}
			return nil, s.unavailable(s.snapshot())
		}
	}
}

// unavailable says why a plugin cannot be called.
func (s *supervisor) unavailable(status Status) error {
	name := s.plugin.Name
	message, hint := status.Description, status.Hint
	switch status.State {
	case Disabled:
		return disabledError(name)
	case Backoff:
		hint = "It is started again by itself. Try again in a minute."
	case Starting:
		message, hint = "Plugin \""+name+"\" is still starting.", "Try again in a minute."
	case Stopped:
		message, hint = "Plugin \""+name+"\" is stopped, because the agent is starting or ending.", "Try again in a minute."
	case Failed, Ready, Degraded:
	}
	return fault.New(fault.Unavailable, "%s", message).WithHint("%s", hint).WithSource(source(name))
}

func disabledError(name string) error {
	return fault.New(fault.Unavailable, "Plugin %q is disabled.", name).
		WithHint("Set enabled = true in its block of the configuration, and restart the agent.").WithSource(source(name))
}

// ofContext converts the error of a caller's context.
func (s *supervisor) ofContext(err error) error {
	if errors.Is(err, context.Canceled) {
		return fault.Wrap(err, fault.Canceled, "The call to plugin %q was canceled.", s.plugin.Name).WithSource(source(s.plugin.Name))
	}
	return fault.Wrap(err, fault.Unavailable, "Plugin %q did not answer in time.", s.plugin.Name).
		WithHint("Look at its state and log: left4me plugin show %s", s.plugin.Name).WithSource(source(s.plugin.Name))
}

// call runs f with the present instance, for at most limit (0 = no limit of its own), and gives its error
// the form that people read.
func call[T any](ctx context.Context, s *supervisor, limit time.Duration, f func(context.Context, *instance) (T, error)) (T, error) {
	var zero T
	i, err := s.acquire(ctx)
	if err != nil {
		return zero, err
	}
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	out, err := f(ctx, i)
	if err != nil {
		return zero, s.convert(ctx, i, err)
	}
	return out, nil
}

// convert turns the error of a call into a fault.
func (s *supervisor) convert(ctx context.Context, i *instance, err error) error {
	e, ok := errors.AsType[*sdk.Error](err)
	switch {
	case ok && e.Unwrap() == nil && e.Code != sdk.CodeCanceled:
		return s.said(e) // the plugin's own words
	case ctx.Err() != nil:
		return s.ofContext(ctx.Err())
	case !ok:
		return err // of the caller's own callback
	}
	return s.broke(i, e)
}

// said passes on what the plugin answered, in bounds.
func (s *supervisor) said(e *sdk.Error) error {
	var cause error // not e itself: its text is not bounded
	for _, known := range [...]error{builder.ErrNoPlan, builder.ErrNoDescription} {
		if errors.Is(e, known) {
			cause = known
		}
	}
	out := fault.Wrap(cause, fault.Code(e.Code), "%s", s.launcher.text(e.Message)).WithSource(source(s.plugin.Name))
	if e.Hint != "" {
		out = out.WithHint("%s", s.launcher.text(e.Hint))
	}
	return out.WithField(clean(e.Field, maxWord))
}

// broke explains an error that gRPC made: most often the plugin has just ended.
func (s *supervisor) broke(i *instance, e *sdk.Error) error {
	lost := e.Code == sdk.CodeUnavailable || e.Code == sdk.CodeCanceled || e.Code == sdk.CodeInternal
	if !lost {
		return s.said(e)
	}
	i.settle()
	cause := errors.New(s.launcher.text(e.Error()))
	retry := "It is started again by itself. Try again."
	if i.isGone() {
		how, own := i.exit()
		if !own {
			how = "was stopped"
		}
		return fault.Wrap(cause, fault.Unavailable, "Plugin %q %s during the call.", s.plugin.Name, how).
			WithHint("%s", retry).WithSource(source(s.plugin.Name))
	}
	if e.Code == sdk.CodeInternal {
		return s.said(e)
	}
	return fault.Wrap(cause, fault.Unavailable, "The connection to plugin %q broke during the call.", s.plugin.Name).
		WithHint("%s", retry).WithSource(source(s.plugin.Name))
}
