package server

import (
	"context"
	"fmt"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
)

// Observed is a server with what is known about its process and its game without asking anybody.
type Observed struct {
	Server
	State  State
	Reason string
	Unit   UnitStatus
	Live   *Live // nil while the game does not answer
}

// View is a server with everything that is known about it right now.
type View struct {
	Observed
	BlueprintName string
	Layers        []LayerView
	Pending       []string // why a restart would change something, one sentence each
}

// LayerView is one layer of the last start.
type LayerView struct {
	content.Layer
	Name  string // of the overlay; "" for the release
	Newer string // what a restart would take instead; "" = nothing
}

// View returns one server by name.
func (m *Manager) View(ctx context.Context, name string) (View, error) {
	s, err := m.Store.ServerByName(ctx, name)
	if err != nil {
		return View{}, err
	}
	return m.view(ctx, s)
}

// Views returns all servers, sorted by name.
func (m *Manager) Views(ctx context.Context) ([]View, error) {
	servers, err := m.Store.Servers(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]View, len(servers))
	for i, s := range servers {
		if views[i], err = m.view(ctx, s); err != nil {
			return nil, err
		}
	}
	return views, nil
}

// Observe returns one server by name, without what takes more than a look at the store.
func (m *Manager) Observe(ctx context.Context, name string) (Observed, error) {
	s, err := m.Store.ServerByName(ctx, name)
	if err != nil {
		return Observed{}, err
	}
	return m.observe(s), nil
}

// ObserveAll is Observe for all servers, sorted by name. It is made for what looks every few seconds.
func (m *Manager) ObserveAll(ctx context.Context) ([]Observed, error) {
	servers, err := m.Store.Servers(ctx)
	out := make([]Observed, len(servers))
	for i, s := range servers {
		out[i] = m.observe(s)
	}
	return out, err
}

func (m *Manager) observe(s Server) Observed {
	o := Observed{Server: s}
	o.State, o.Reason = m.tracker.state(s)
	o.Unit, _ = m.tracker.unit(s.ID)
	if live, ok := m.tracker.live(s.ID); ok {
		o.Live = &live
	}
	return o
}

func (m *Manager) view(ctx context.Context, s Server) (View, error) {
	v := View{Observed: m.observe(s)}
	made, err := m.Store.BlueprintByID(ctx, s.Blueprint)
	if err != nil {
		return v, err
	}
	v.BlueprintName = made.Name
	if v.Layers, err = m.layers(ctx, s); err != nil {
		return v, err
	}
	if v.State == Running || v.State == Starting || v.State == Hung {
		v.Pending = v.pending(made.Overlays)
		if made.UpdatedAt.After(s.StartedAt) {
			v.Pending = append(v.Pending, fmt.Sprintf("Blueprint %q was edited.", made.Name))
		}
	}
	return v, nil
}

// layers names the layers of the last start and what has come since.
func (m *Manager) layers(ctx context.Context, s Server) ([]LayerView, error) {
	out := make([]LayerView, len(s.Layers))
	for i, layer := range s.Layers {
		out[i].Layer = layer
		if layer.Release != "" {
			wanted, err := wantedRelease(ctx, m.Store, s)
			if err == nil && wanted.Release != layer.Release {
				out[i].Newer = wanted.Release
			}
			continue
		}
		o, err := m.Store.OverlayByID(ctx, layer.Overlay)
		if fault.Is(err, fault.NotFound) {
			out[i].Name = "(deleted)"
			continue
		}
		if err != nil {
			return nil, err
		}
		out[i].Name = o.Name
		if o.Revision != layer.Revision {
			out[i].Newer = o.Revision
		}
	}
	return out, nil
}

func (v View) pending(overlays []string) []string {
	var out []string
	mounted := 0
	for _, layer := range v.Layers {
		switch {
		case layer.Release != "" && layer.Newer != "":
			out = append(out, "Another release of the game is to be used.")
		case layer.Newer != "" && layer.Newer < layer.Revision: // ids rise with time
			out = append(out, fmt.Sprintf("Overlay %q went back to an earlier revision.", layer.Name))
		case layer.Newer != "":
			out = append(out, fmt.Sprintf("Overlay %q has a newer revision.", layer.Name))
		}
		if layer.Overlay != "" {
			if mounted >= len(overlays) || overlays[mounted] != layer.Overlay {
				return append(out, "The blueprint lists other overlays now.")
			}
			mounted++
		}
	}
	if mounted != len(overlays) && len(v.Layers) > 0 {
		out = append(out, "The blueprint lists other overlays now.")
	}
	return out
}
