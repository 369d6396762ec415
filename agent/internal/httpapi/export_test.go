package httpapi

import (
	"context"

	"github.com/go-chi/chi/v5"
)

// Router lets a test walk what is really mounted.
func (a *API) Router() chi.Routes { return a.router }

// WithPeer puts the credentials of a local user into a context, as ConnContext does.
func WithPeer(ctx context.Context, uid int, groups ...int) context.Context {
	return context.WithValue(ctx, peerKey{}, peer{uid: uid, groups: groups})
}
