package agenttest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/id"
)

// overlay is one overlay with its revisions, newest first.
type overlay struct {
	api.Overlay
	revisions []revision
}

// revision is a revision with its files: path to size.
type revision struct {
	api.Revision
	files map[string]uint64
}

type overlayView struct{ *world }

// showOverlay fills in what others know about o. The lock is held.
func (w *world) showOverlay(o *overlay) api.Overlay {
	out := o.Overlay
	out.UsedBy = nil
	for _, b := range sorted(w.blueprints, func(b *api.Blueprint) *api.Blueprint { return b }) {
		if slices.Contains(b.Overlays, o.Name) {
			out.UsedBy = append(out.UsedBy, b.Name)
		}
	}
	out.TypeMissing = !slices.ContainsFunc(w.types, func(t api.OverlayType) bool { return t.Name == o.Type })
	for _, r := range o.revisions {
		out.DiskBytes += r.Bytes - r.SharedBytes
	}
	if j := w.job(out.LastJob); j != nil {
		out.LastStatus = j.Status
	}
	return out
}

func (v overlayView) List(context.Context) ([]api.Overlay, error) {
	defer v.lock()()
	return sorted(v.overlays, v.showOverlay), nil
}

func (v overlayView) Get(_ context.Context, name string) (api.Overlay, error) {
	defer v.lock()()
	o, ok := v.overlays[name]
	if !ok {
		return api.Overlay{}, notFound("overlay", name)
	}
	return v.showOverlay(o), nil
}

func (v overlayView) Create(_ context.Context, actor string, create api.OverlayCreate) (api.Overlay, error) {
	defer v.lock()()
	if err := checkName(create.Name); err != nil {
		return api.Overlay{}, err
	}
	if v.overlays[create.Name] != nil {
		return api.Overlay{}, taken("overlay", create.Name)
	}
	if !slices.ContainsFunc(v.types, func(t api.OverlayType) bool { return t.Name == create.Type }) {
		return api.Overlay{}, fault.New(fault.Precondition, "No enabled plugin makes overlays of type %q.", create.Type).WithField("type").
			WithHint("Enable it in the agent's config, or choose a type from: left4me overlay types")
	}
	if len(create.Settings) == 0 {
		create.Settings = json.RawMessage("{}")
	}
	if err := checkSettings(create.Type, create.Settings); err != nil {
		return api.Overlay{}, err
	}
	now := time.Now().UTC()
	o := &overlay{Overlay: api.Overlay{ID: id.New(), Name: create.Name, Type: create.Type, System: create.System,
		Settings: create.Settings, CreatedAt: now, UpdatedAt: now}}
	if !create.System {
		o.Owner = actor
	}
	v.overlays[create.Name] = o
	v.record("overlay.created", "overlay/"+o.Name, actor, "Overlay %q was created.", o.Name)
	if create.Build {
		v.build(actor, o, false)
	}
	return v.showOverlay(o), nil
}

func (v overlayView) Update(_ context.Context, actor, name string, update api.OverlayUpdate) (api.Overlay, error) {
	defer v.lock()()
	o, ok := v.overlays[name]
	if !ok {
		return api.Overlay{}, notFound("overlay", name)
	}
	if update.Settings != nil {
		if err := checkSettings(o.Type, update.Settings); err != nil {
			return api.Overlay{}, err
		}
		o.Settings = update.Settings
	}
	if update.System != nil {
		o.System = *update.System
	}
	o.UpdatedAt = time.Now().UTC()
	v.record("overlay.updated", "overlay/"+o.Name, actor, "Overlay %q was changed.", o.Name)
	return v.showOverlay(o), nil
}

func (v overlayView) Delete(_ context.Context, actor, name string) error {
	defer v.lock()()
	o, ok := v.overlays[name]
	if !ok {
		return notFound("overlay", name)
	}
	if users := v.showOverlay(o).UsedBy; len(users) > 0 {
		return fault.New(fault.Precondition, "Cannot delete overlay %q: blueprint %q lists it.", name, users[0]).
			WithHint("Take it out of the blueprint first.")
	}
	delete(v.overlays, name)
	v.record("overlay.deleted", "overlay/"+name, actor, "Overlay %q was deleted.", name)
	return nil
}

// checkSettings knows of each type's schema what tests need.
func checkSettings(kind string, settings json.RawMessage) error {
	var object map[string]any
	if err := json.Unmarshal(settings, &object); err != nil {
		return fault.New(fault.Invalid, "The settings are not an object.").WithField("/settings").WithHint("Give one JSON object.")
	}
	known := map[string][]string{"overlay-script": {"script", "tools"}, "overlay-workshop": {"items", "exclude", "pins"}}[kind]
	for name := range object {
		if !slices.Contains(known, name) {
			return fault.New(fault.Invalid, "%s has no setting %q.", kind, name).WithField("/settings/"+name).
				WithHint("It knows %s.", strings.Join(known, ", ")).WithSource("plugin:" + kind)
		}
	}
	if script, ok := object["script"].(string); kind == "overlay-script" && (!ok || !strings.HasPrefix(script, "#!")) {
		return fault.New(fault.Invalid, "The script does not begin with #! and an interpreter.").WithField("/settings/script").
			WithHint("Make the first line #!/bin/bash").WithSource("plugin:" + kind)
	}
	return nil
}
