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

// RouteScopes returns the scope of each "METHOD path" that has one.
func (a *API) RouteScopes() map[string]string {
	out := map[string]string{}
	for _, row := range a.routes {
		out[row.method+" "+row.path] = row.access.Scope()
	}
	return out
}
