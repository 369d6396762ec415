package agenttest

import (
	"context"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/event"
	"github.com/left4me/left4me/agent/internal/fault"
)

type ownerView struct{ *world }

func (v ownerView) GiveOverlay(_ context.Context, actor, name, owner string) (api.Overlay, error) {
	defer v.lock()()
	o, ok := v.overlays[name]
	if !ok {
		return api.Overlay{}, notFound("overlay", name)
	}
	if o.System && owner != "" {
		return api.Overlay{}, fault.New(fault.Precondition, "Overlay %q is system-wide: it belongs to nobody, and everybody may use it.", name)
	}
	v.give("overlay", name, actor, &o.Owner, owner)
	return v.showOverlay(o), nil
}

func (v ownerView) GiveBlueprint(_ context.Context, actor, name, owner string) (api.Blueprint, error) {
	defer v.lock()()
	b, ok := v.blueprints[name]
	if !ok {
		return api.Blueprint{}, notFound("blueprint", name)
	}
	v.give("blueprint", name, actor, &b.Owner, owner)
	return v.showBlueprint(b), nil
}

func (v ownerView) GiveServer(_ context.Context, actor, name, owner string) (api.Server, error) {
	defer v.lock()()
	s, ok := v.servers[name]
	if !ok {
		return api.Server{}, notFound("server", name)
	}
	v.give("server", name, actor, &s.Owner, owner)
	return showServer(s), nil
}

// give changes an owner and says so, unless nothing changes. The lock is held.
func (w *world) give(kind, name, actor string, owner *string, to string) {
	if *owner == to {
		return
	}
	w.record(kind+".given", kind+"/"+name, actor, "%s", event.Given(*owner, to))
	*owner = to
}
