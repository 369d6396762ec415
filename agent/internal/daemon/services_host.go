package daemon

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/httpapi"
	"github.com/left4me/left4me/agent/internal/overlay"
	"github.com/left4me/left4me/agent/internal/pluginhost"
	"github.com/left4me/left4me/agent/internal/pluginport"
	"github.com/left4me/left4me/agent/internal/reconcile"
	"github.com/left4me/left4me/agent/internal/version"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// builders finds builder plugins by overlay type.
type builders struct {
	host *pluginhost.Host
	game string // the plugin that gets the game, which makes no overlays; "" = none
}

var _ overlay.Builders = builders{}

func (b builders) Types(context.Context) []overlay.Type {
	var out []overlay.Type
	for _, status := range b.host.List() {
		if status.Enabled && status.Kind == sdk.KindBuilder && status.Name != b.game {
			out = append(out, overlay.Type{Name: status.Name, Doc: status.Info.Doc, Schema: status.Info.OverlaySchema,
				Refresh: slices.Contains(status.Info.Capabilities, builder.CapabilityRefresh)})
		}
	}
	slices.SortFunc(out, func(a, b overlay.Type) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func (b builders) Builder(name string) (overlay.Builder, error) {
	for _, known := range b.Types(context.Background()) {
		if known.Name == name {
			found, err := b.host.Builder(name)
			return pluginport.Builder{Builder: found}, err
		}
	}
	return nil, fault.New(fault.Precondition, "No enabled plugin makes overlays of type %q.", name).WithField("type").
		WithHint("Enable it in the agent's config, or choose a type from: left4me overlay types")
}

// plugins serves httpapi.Plugins.
type plugins struct {
	host     *pluginhost.Host
	builders builders
	events   reconcile.Store
}

var _ httpapi.Plugins = plugins{}

func (p plugins) List(context.Context) ([]api.Plugin, error) {
	var out []api.Plugin
	for _, status := range p.host.List() {
		out = append(out, showPlugin(status))
	}
	return out, nil
}

func (p plugins) Get(_ context.Context, name string) (api.Plugin, error) {
	status, err := p.host.Get(name)
	return showPlugin(status), err
}

func (p plugins) Restart(ctx context.Context, actor, name string) (api.Plugin, error) {
	if err := p.host.Restart(ctx, name); err != nil {
		return api.Plugin{}, err
	}
	err := p.events.AddEvent(ctx, event.Event{Kind: "plugin.restarted", Subject: "plugin/" + name, Actor: actor,
		Message: "Plugin restarted."})
	if err != nil {
		return api.Plugin{}, err
	}
	return p.Get(ctx, name)
}

func (p plugins) Log(_ context.Context, name string, after int64) ([]api.PluginLine, error) {
	lines, err := p.host.Log(name, after)
	out := make([]api.PluginLine, len(lines))
	for i, line := range lines {
		out[i] = api.PluginLine{Seq: line.Number, Time: line.Time.UTC(), Level: line.Level, Text: line.Text}
	}
	return out, err
}

func (p plugins) Types(ctx context.Context) ([]api.OverlayType, error) {
	var out []api.OverlayType
	for _, known := range p.builders.Types(ctx) {
		out = append(out, api.OverlayType(known))
	}
	return out, nil
}

func showPlugin(s pluginhost.Status) api.Plugin {
	out := api.Plugin{Name: s.Name, Kind: string(s.Kind), Enabled: s.Enabled, Version: s.Info.Version, Launch: string(s.Mode),
		State: string(s.State), Description: s.Description, Health: s.Health.Attributes, Capabilities: s.Info.Capabilities,
		User: s.User, PID: s.PID, MemoryBytes: s.MemoryBytes, Restarts: s.Restarts, StartedAt: optional(s.StartedAt),
		LastExit: s.LastExit, LastExitAt: optional(s.LastExitAt)}
	if s.Hint != "" {
		out.Description += " " + s.Hint
	}
	return out
}

// host serves httpapi.Host.
type host struct{ *Agent }

var _ httpapi.Host = host{}

func (h host) Host(context.Context) (api.Host, error) {
	out := api.Host{Name: h.config.Name, Version: version.Version, Supervisor: h.config.Servers.Supervisor, StartedAt: h.startedAt}
	for _, status := range h.plugins.List() {
		if status.Enabled && status.State != pluginhost.Ready && status.Description != "" {
			out.Notices = append(out.Notices, fmt.Sprintf("Plugin %s: %s", status.Name, status.Description))
		}
	}
	if orphans := h.reconciler.Orphans(); len(orphans) > 0 {
		out.Notices = append(out.Notices, fmt.Sprintf("%d pieces of content belong to nothing, the first is %s. Look at them with: left4me content orphans",
			len(orphans), orphans[0]))
	}
	return out, nil
}
