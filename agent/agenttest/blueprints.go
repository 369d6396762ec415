package agenttest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/id"
)

type blueprintView struct{ *world }

// showBlueprint fills in what others know about b. The lock is held.
func (w *world) showBlueprint(b *api.Blueprint) api.Blueprint {
	out := *b
	out.UsedBy = nil
	for _, s := range sorted(w.servers, func(s *gameServer) *gameServer { return s }) {
		if s.Blueprint == b.Name {
			out.UsedBy = append(out.UsedBy, s.Name)
		}
	}
	return out
}

func (v blueprintView) List(context.Context) ([]api.Blueprint, error) {
	defer v.lock()()
	return sorted(v.blueprints, v.showBlueprint), nil
}

func (v blueprintView) Get(_ context.Context, name string) (api.Blueprint, error) {
	defer v.lock()()
	b, ok := v.blueprints[name]
	if !ok {
		return api.Blueprint{}, notFound("blueprint", name)
	}
	return v.showBlueprint(b), nil
}

func (v blueprintView) Create(_ context.Context, actor string, create api.BlueprintCreate) (api.Blueprint, error) {
	defer v.lock()()
	if err := checkName(create.Name); err != nil {
		return api.Blueprint{}, err
	}
	if v.blueprints[create.Name] != nil {
		return api.Blueprint{}, taken("blueprint", create.Name)
	}
	if err := v.checkOverlays(create.Overlays); err != nil {
		return api.Blueprint{}, err
	}
	now := time.Now().UTC()
	b := &api.Blueprint{ID: id.New(), Name: create.Name, Owner: actor, Overlays: create.Overlays, Arguments: create.Arguments,
		Config: create.Config, Settings: create.Settings, CreatedAt: now, UpdatedAt: now}
	v.blueprints[create.Name] = b
	v.record("blueprint.created", "blueprint/"+b.Name, actor, "Blueprint %q was created.", b.Name)
	return v.showBlueprint(b), nil
}

func (v blueprintView) Update(_ context.Context, actor, name string, update api.BlueprintUpdate) (api.Blueprint, error) {
	defer v.lock()()
	b, ok := v.blueprints[name]
	if !ok {
		return api.Blueprint{}, notFound("blueprint", name)
	}
	if update.Overlays != nil {
		if err := v.checkOverlays(*update.Overlays); err != nil {
			return api.Blueprint{}, err
		}
		b.Overlays = *update.Overlays
	}
	if update.Arguments != nil {
		b.Arguments = *update.Arguments
	}
	if update.Config != nil {
		b.Config = *update.Config
	}
	if update.Settings != nil {
		b.Settings = *update.Settings
	}
	b.UpdatedAt = time.Now().UTC()
	v.record("blueprint.updated", "blueprint/"+name, actor, "Blueprint %q was changed.", name)
	return v.showBlueprint(b), nil
}

func (v blueprintView) Delete(_ context.Context, actor, name string) error {
	defer v.lock()()
	b, ok := v.blueprints[name]
	if !ok {
		return notFound("blueprint", name)
	}
	if users := v.showBlueprint(b).UsedBy; len(users) > 0 {
		return fault.New(fault.Precondition, "Cannot delete blueprint %q: server %q is made from it.", name, users[0]).
			WithHint("Delete its servers first.")
	}
	delete(v.blueprints, name)
	v.record("blueprint.deleted", "blueprint/"+name, actor, "Blueprint %q was deleted.", name)
	return nil
}

// checkOverlays refuses overlays that do not exist or are listed twice. The lock is held.
func (w *world) checkOverlays(names []string) error {
	for i, name := range names {
		if w.overlays[name] == nil {
			return fault.New(fault.Invalid, "There is no overlay %q.", name).WithField("overlays").
				WithHint("List them with: left4me overlay list")
		}
		if slices.Contains(names[:i], name) {
			return fault.New(fault.Invalid, "Overlay %q is listed twice.", name).WithField("overlays").WithHint("Keep the higher one.")
		}
	}
	return nil
}

func (v blueprintView) Preview(_ context.Context, draft api.BlueprintCreate) (api.BlueprintPreview, error) {
	defer v.lock()()
	if err := v.checkOverlays(draft.Overlays); err != nil {
		return api.BlueprintPreview{}, err
	}
	out := api.BlueprintPreview{ServerConfig: strings.Join(draft.Config, "\n") + "\n", Arguments: draft.Arguments, Findings: []api.Finding{}}
	for i, line := range draft.Config {
		if strings.HasPrefix(line, "#") {
			out.Findings = append(out.Findings, api.Finding{Line: i + 1, Message: "Source knows no comments with #.", Hint: "Begin it with // instead."})
		}
	}
	return out, nil
}
