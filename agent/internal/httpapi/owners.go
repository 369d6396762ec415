package httpapi

import (
	"context"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
)

// Owners makes things belong to somebody else. owner has the form of an actor; "" is nobody.
type Owners interface {
	GiveOverlay(ctx context.Context, actor, name, owner string) (api.Overlay, error)
	GiveBlueprint(ctx context.Context, actor, name, owner string) (api.Blueprint, error)
	GiveServer(ctx context.Context, actor, name, owner string) (api.Server, error)
}

// give serves a change of owner. Owners have the form of actors, because who makes something owns it.
func give[Out any](do func(ctx context.Context, actor, name, owner string) (Out, error)) handler {
	return change(ok, func(ctx context.Context, actor, name string, in api.OwnerChange) (out Out, err error) {
		if in.Owner != "" && !validActor(in.Owner) {
			return out, fault.New(fault.Invalid, "This is not the name of an account.").WithField("owner").
				WithHint("Use 1 to 100 letters, digits and . _ @ : + -, beginning with a letter or digit; empty is nobody.")
		}
		return do(ctx, actor, name, in.Owner)
	})
}
