package agenttest

import (
	"context"
	"slices"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/httpapi"
)

type (
	hostView    struct{ *world }
	pluginView  struct{ *world }
	releaseView struct{ *world }
	eventView   struct{ *world }
)

func (v hostView) Host(context.Context) (api.Host, error) {
	defer v.lock()()
	return v.host, nil
}

// SetHost replaces what the agent says about itself.
func (a *Agent) SetHost(host api.Host) {
	defer a.w.lock()()
	a.w.host = host
	a.w.change()
}

func (v pluginView) List(context.Context) ([]api.Plugin, error) {
	defer v.lock()()
	return slices.Clone(v.plugins), nil
}

func (v pluginView) Get(_ context.Context, name string) (api.Plugin, error) {
	defer v.lock()()
	at := slices.IndexFunc(v.plugins, func(p api.Plugin) bool { return p.Name == name })
	if at < 0 {
		return api.Plugin{}, notFound("plugin", name)
	}
	return v.plugins[at], nil
}

func (v pluginView) Restart(ctx context.Context, actor, name string) (api.Plugin, error) {
	if _, err := v.Get(ctx, name); err != nil {
		return api.Plugin{}, err
	}
	defer v.lock()()
	now := time.Now().UTC()
	at := slices.IndexFunc(v.plugins, func(p api.Plugin) bool { return p.Name == name })
	p := &v.plugins[at]
	p.State, p.Description, p.StartedAt, p.LastExit, p.LastExitAt = "ready", "", &now, "exit code 0", &now
	p.Restarts++
	v.record("plugin.restarted", "plugin/"+name, actor, "Plugin %q was restarted.", name)
	return *p, nil
}

func (v pluginView) Log(ctx context.Context, name string, after int64) ([]api.PluginLine, error) {
	if _, err := v.Get(ctx, name); err != nil {
		return nil, err
	}
	defer v.lock()()
	lines := v.logs[name]
	return slices.Clone(lines[min(max(after, 0), int64(len(lines))):]), nil
}

// LogPlugin lets a plugin log a line.
func (a *Agent) LogPlugin(name, level, text string) {
	defer a.w.lock()()
	lines := a.w.logs[name]
	a.w.logs[name] = append(lines, api.PluginLine{Seq: int64(len(lines) + 1), Time: time.Now().UTC(), Level: level, Text: text})
	a.w.change()
}

func (v pluginView) Types(context.Context) ([]api.OverlayType, error) {
	defer v.lock()()
	return slices.Clone(v.types), nil
}

// SetPlugin replaces the plugin of the same name, or adds it.
func (a *Agent) SetPlugin(plugin api.Plugin) {
	defer a.w.lock()()
	at := slices.IndexFunc(a.w.plugins, func(p api.Plugin) bool { return p.Name == plugin.Name })
	if at < 0 {
		a.w.plugins = append(a.w.plugins, plugin)
	} else {
		a.w.plugins[at] = plugin
	}
	a.w.record("plugin.state", "plugin/"+plugin.Name, "", "Plugin %q is %s.", plugin.Name, plugin.State)
}

// SetOverlayTypes replaces what overlays can be made with.
func (a *Agent) SetOverlayTypes(types ...api.OverlayType) {
	defer a.w.lock()()
	a.w.types = types
	a.w.change()
}

func (v eventView) List(_ context.Context, filter httpapi.EventFilter) ([]api.Event, error) {
	defer v.lock()()
	var out []api.Event
	for _, e := range v.events {
		if e.ID > filter.After && (filter.Subject == "" || filter.Subject == e.Subject) {
			out = append(out, e)
		}
	}
	if filter.After > 0 {
		return out[:min(len(out), filter.Limit)], nil
	}
	return out[max(0, len(out)-filter.Limit):], nil
}

func (v eventView) Stream(ctx context.Context, after int64, report func(api.Event, int) error) error {
	if after < 0 {
		v.mu.Lock()
		after = int64(len(v.events))
		v.mu.Unlock()
	}
	return v.watch(ctx, func() (func() error, bool) {
		after = min(after, int64(len(v.events)))
		fresh := slices.Clone(v.events[after:])
		after = int64(len(v.events))
		return func() error {
			for _, e := range fresh {
				if err := report(e, 0); err != nil {
					return err
				}
			}
			return nil
		}, false
	})
}

// Record adds an event.
func (a *Agent) Record(kind, subject, actor, message string) {
	defer a.w.lock()()
	a.w.record(kind, subject, actor, "%s", message)
}
