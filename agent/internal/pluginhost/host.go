package pluginhost

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/mounter"
)

// Host looks after the configured plugins. Its methods are safe for concurrent use.
type Host struct {
	plugins map[string]*supervisor
	order   []string // as configured
	changed notifier

	run      context.Context // ends with Close
	stop     context.CancelFunc
	forceNow context.CancelFunc
	running  sync.WaitGroup
	once     sync.Once
}

// New returns a Host. Nothing runs before Start.
func New(options Options) *Host {
	options.Timing = options.Timing.withDefaults()
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	if options.LogLevel == "" {
		options.LogLevel = "info"
	}
	h := &Host{plugins: map[string]*supervisor{}}
	h.run, h.stop = context.WithCancel(context.Background())
	force, forceNow := context.WithCancel(context.Background())
	h.forceNow = forceNow
	for _, p := range options.Plugins {
		h.plugins[p.Name] = newSupervisor(force, p, options, &h.changed)
		h.order = append(h.order, p.Name)
	}
	return h
}

// Start starts every enabled plugin, all at the same time, and returns at once: calls wait for a plugin
// that is starting, and one that fails fails alone. The plugins run until Close. A second call does nothing.
func (h *Host) Start() {
	h.once.Do(func() {
		for _, s := range h.plugins {
			if s.plugin.Enabled {
				s.announce()
				h.running.Go(func() { s.run(h.run) })
			}
		}
	})
}

// Settle waits until no plugin is starting, or ctx ends.
func (h *Host) Settle(ctx context.Context) error {
	for {
		changed := h.changed.wait()
		busy := false
		for _, s := range h.plugins {
			busy = busy || s.snapshot().State == Starting
		}
		if !busy {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close stops every plugin: running calls get the grace of Options.Timing, then the plugins end. When ctx
// ends first they are killed. It returns when nothing is left of them.
func (h *Host) Close(ctx context.Context) error {
	h.stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.running.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done():
		h.forceNow()
		<-done // bounded: destroy gives up on what the kernel cannot kill
	}
	h.forceNow()
	return nil
}

// Builder returns the builder plugin of that name. The value stays valid while the plugin is restarted.
// While it is down, its methods return Unavailable. So does Builder for a plugin that is not
// configured, not enabled, or no builder.
func (h *Host) Builder(name string) (builder.Builder, error) {
	s, err := h.usable(name)
	if err != nil {
		return nil, err
	}
	if s.plugin.Kind != sdk.KindBuilder {
		return nil, fault.New(fault.Unavailable, "Plugin %q is a %s and builds no overlays.", name, s.plugin.Kind).
			WithHint("%s", h.hint(sdk.KindBuilder)).WithSource(source(name))
	}
	return hostedBuilder{s}, nil
}

// Mounter returns the enabled mounter plugin, which stays valid while the plugin is restarted.
func (h *Host) Mounter() (mounter.Mounter, error) {
	for _, name := range h.order {
		if s := h.plugins[name]; s.plugin.Kind == sdk.KindMounter && s.plugin.Enabled {
			return hostedMounter{s}, nil
		}
	}
	return nil, fault.New(fault.Unavailable, "No mounter plugin is enabled, so nothing can be built or mounted.").
		WithHint("Enable a plugin of kind mounter in the configuration, and restart the agent.")
}

func (h *Host) usable(name string) (*supervisor, error) {
	s := h.plugins[name]
	switch {
	case s == nil:
		return nil, fault.New(fault.Unavailable, "There is no plugin %q in the configuration.", clean(name, maxWord)).
			WithHint("%s", h.hint(sdk.KindBuilder)).WithSource(source(clean(name, maxWord)))
	case !s.plugin.Enabled:
		return nil, disabledError(name)
	}
	return s, nil
}

// hint names the plugins of a kind.
func (h *Host) hint(kind sdk.KindName) string {
	var names []string
	for _, name := range h.order {
		if s := h.plugins[name]; s.plugin.Kind == kind && s.plugin.Enabled {
			names = append(names, name)
		}
	}
	if names == nil {
		return "Add a plugin block to the configuration, and restart the agent."
	}
	return "There are: " + strings.Join(names, ", ") + "."
}

// List returns the status of every configured plugin, in the order of the configuration.
func (h *Host) List() []Status {
	out := make([]Status, 0, len(h.order))
	for _, name := range h.order {
		out = append(out, h.plugins[name].snapshot())
	}
	return out
}

// Get returns the status of one plugin, with the last lines of its log. NotFound: not configured.
func (h *Host) Get(name string) (Status, error) {
	s := h.plugins[name]
	if s == nil {
		return Status{}, h.notFound(name)
	}
	status := s.snapshot()
	status.Log = s.log.last(keptLines)
	return status, nil
}

// Log returns the newest lines of a plugin's log above a number, oldest first, at most 200. Of a plugin that is a unit of its
// own systemd has the log; here is only what the agent reads.
func (h *Host) Log(name string, after int64) ([]LogLine, error) {
	s := h.plugins[name]
	if s == nil {
		return nil, h.notFound(name)
	}
	return s.log.since(after), nil
}

func (h *Host) notFound(name string) error {
	return fault.New(fault.NotFound, "There is no plugin %q.", clean(name, maxWord)).
		WithHint("The plugins are: %s.", strings.Join(h.order, ", "))
}

// Restart stops the plugin, if it runs, and starts it anew with a clean record. It returns when the
// plugin is ready; the error says why it is not, or is that of ctx.
func (h *Host) Restart(ctx context.Context, name string) error {
	s := h.plugins[name]
	if s == nil {
		return h.notFound(name)
	}
	if !s.plugin.Enabled {
		return disabledError(name)
	}
	before := s.ask()
	for {
		changed := s.own.wait()
		s.mu.Lock()
		attempt, status := s.attempt, s.status
		s.mu.Unlock()
		switch {
		case status.State == Stopped:
			return s.unavailable(status)
		case attempt > before && status.State.serves():
			return nil
		case attempt > before && status.State != Starting:
			return s.unavailable(status)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return s.ofContext(ctx.Err())
		}
	}
}

// Watch reports the present status of every plugin, then each change, until ctx ends or report fails.
// Changes that follow each other fast may be reported as one.
func (h *Host) Watch(ctx context.Context, report func(Status) error) error {
	seen := map[string]Status{}
	for {
		changed := h.changed.wait()
		for _, status := range h.List() {
			if old, known := seen[status.Name]; known && !status.changed(old) {
				continue
			}
			seen[status.Name] = status
			if err := report(status); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
