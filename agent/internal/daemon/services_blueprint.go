package daemon

import (
	"cmp"
	"context"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/httpapi"
	"github.com/left4me/left4me/agent/internal/overlay"
)

// blueprints serves httpapi.Blueprints.
type blueprints struct {
	manager  *blueprint.Manager
	store    blueprint.Store
	overlays overlay.Store
}

var _ httpapi.Blueprints = blueprints{}

func (b blueprints) List(ctx context.Context) ([]api.Blueprint, error) {
	rows, err := b.store.Blueprints(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]api.Blueprint, len(rows))
	for i, row := range rows {
		if out[i], err = b.show(ctx, row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (b blueprints) Get(ctx context.Context, name string) (api.Blueprint, error) {
	row, err := b.store.BlueprintByName(ctx, name)
	if err != nil {
		return api.Blueprint{}, err
	}
	return b.show(ctx, row)
}

func (b blueprints) Create(ctx context.Context, actor string, create api.BlueprintCreate) (api.Blueprint, error) {
	row, err := b.manager.Create(ctx, actor, blueprint.Draft{Name: create.Name, Owner: ownerOf(actor), Overlays: create.Overlays,
		Arguments: create.Arguments, Config: create.Config, Settings: settingsOf(create.Settings)})
	if err != nil {
		return api.Blueprint{}, err
	}
	return b.show(ctx, row)
}

func (b blueprints) Update(ctx context.Context, actor, name string, update api.BlueprintUpdate) (api.Blueprint, error) {
	change := blueprint.Change{Overlays: update.Overlays, Arguments: update.Arguments, Config: update.Config}
	if update.Settings != nil {
		settings := settingsOf(*update.Settings)
		change.Settings = &settings
	}
	row, err := b.manager.Edit(ctx, actor, name, change)
	if err != nil {
		return api.Blueprint{}, err
	}
	return b.show(ctx, row)
}

func (b blueprints) Delete(ctx context.Context, actor, name string) error {
	return b.manager.Delete(ctx, actor, name)
}

func (b blueprints) Preview(_ context.Context, draft api.BlueprintCreate) (api.BlueprintPreview, error) {
	what := blueprint.Blueprint{Name: cmp.Or(draft.Name, "example"), Arguments: draft.Arguments, Config: draft.Config,
		Settings: settingsOf(draft.Settings)}
	if err := what.Check(); err != nil {
		return api.BlueprintPreview{}, err
	}
	plan := blueprint.Resolve(what, nil, content.Layer{}, blueprint.Instance{Name: "example", Port: 27015, RCONPassword: "…"})
	out := api.BlueprintPreview{ServerConfig: string(plan.Files[0].Data), Arguments: plan.Args, Findings: []api.Finding{}}
	for _, f := range what.Lint() {
		out.Findings = append(out.Findings, api.Finding(f))
	}
	return out, nil
}

func (b blueprints) show(ctx context.Context, row blueprint.Blueprint) (api.Blueprint, error) {
	out := api.Blueprint{ID: row.ID, Name: row.Name, Owner: row.Owner, Overlays: make([]string, len(row.Overlays)),
		Arguments: row.Arguments, Config: row.Config, Settings: showSettings(row.Settings),
		CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt}
	for i, overlayID := range row.Overlays {
		o, err := b.overlays.OverlayByID(ctx, overlayID)
		if err != nil {
			return out, err
		}
		out.Overlays[i] = o.Name
	}
	var err error
	out.UsedBy, err = b.store.BlueprintUsers(ctx, row.ID)
	return out, err
}
