package httpapi

import (
	"context"
	"slices"
	"strings"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
)

// Tokens keeps tokens.
type Tokens interface {
	// List returns the tokens of owner, of everybody when it is "".
	List(ctx context.Context, owner string) ([]api.Token, error)
	// Create makes a token; the scopes were checked.
	Create(ctx context.Context, actor string, create api.TokenCreate) (api.TokenSecret, error)
	Revoke(ctx context.Context, actor, id string) error
	RevokeOf(ctx context.Context, actor string, revoke api.TokenRevoke) (api.TokenRevoked, error)
	// Bearer returns the token of a secret, its Servers by their names of now. Unauthenticated: there is none.
	Bearer(ctx context.Context, secret string) (Bearer, error)
}

// Bearer is who shows a token.
type Bearer struct {
	api.Token
	Actor string // as jobs and events name it
}

// level returns the access that the token's scopes about everything give; 0 is none.
func (b Bearer) level() Access {
	highest := Access(0)
	for scope, level := range map[string]Access{api.ScopeRead: Read, api.ScopeOperate: Operate, api.ScopeAdmin: Admin} {
		if slices.Contains(b.Scopes, scope) {
			highest = max(highest, level)
		}
	}
	return highest
}

// may reports whether the token is for a row and what it is about.
func (b Bearer) may(row route, server string) bool {
	if b.level() >= row.access.level() {
		return true
	}
	scope := row.access.Scope()
	if scope == "" || !b.has(scope) {
		return false
	}
	return !strings.HasPrefix(row.path, api.PathServer) || b.forServer(server)
}

// has reports whether the token has a scope about servers. Each of them includes a look at the server.
func (b Bearer) has(scope string) bool {
	return slices.Contains(b.Scopes, scope) ||
		scope == api.ScopeServerView && slices.ContainsFunc(b.Scopes, func(s string) bool { return strings.HasPrefix(s, "server.") })
}

func (b Bearer) forServer(name string) bool { return !b.Limited || slices.Contains(b.Servers, name) }

// sees reports whether the caller may see a subject, "server/alpha". Only tokens with scopes about servers see less than
// everything.
func (c call) sees(subject string) bool {
	if c.bearer == nil || c.bearer.level() >= Read {
		return true
	}
	kind, name, _ := strings.Cut(subject, "/")
	return kind == "server" && c.bearer.forServer(name)
}

// kept drops what the caller may not see.
func kept[T any](c call, list []T, subject func(T) string) []T {
	if c.bearer == nil {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(x T) bool { return !c.sees(subject(x)) })
}

func serverList(service Servers) handler {
	return answers(ok, func(c call) ([]api.Server, error) {
		list, err := service.List(c.ctx)
		return kept(c, list, func(s api.Server) string { return "server/" + s.Name }), err
	})
}

func jobShow(service Jobs) handler {
	return answers(ok, func(c call) (api.Job, error) { return seenJob(c, service) })
}

// seenJob returns the job that a call is about. What the caller may not see does not exist for it.
func seenJob(c call, service Jobs) (api.Job, error) {
	job, err := service.Get(c.ctx, c.target)
	if err == nil && !c.sees(job.Subject) {
		return api.Job{}, fault.New(fault.NotFound, "There is no job %q.", c.target).WithHint("List them with: left4me job list")
	}
	return job, err
}

func tokenList(service Tokens) handler {
	return answers(ok, func(c call) ([]api.Token, error) { return service.List(c.ctx, c.query.Get("owner")) },
		param{name: "owner", doc: "Only the tokens of this person."})
}

func tokenCreate(service Tokens) handler {
	return create(func(ctx context.Context, actor string, in api.TokenCreate) (api.TokenSecret, error) {
		if err := checkScopes(in); err != nil {
			return api.TokenSecret{}, err
		}
		return service.Create(ctx, actor, in)
	})
}

func tokenRevoke(service Tokens) handler {
	return accepts(ok, func(c call, in api.TokenRevoke) (api.TokenRevoked, error) {
		if in.Owner == "" {
			return api.TokenRevoked{}, fault.New(fault.Invalid, "Nobody is named.").WithField("owner").WithHint("Say whose tokens to revoke.")
		}
		return service.RevokeOf(c.ctx, c.actor, in)
	})
}

// Scopes lists what tokens can be for, as the reference shows it.
func Scopes() []string {
	out := []string{api.ScopeRead, api.ScopeOperate, api.ScopeAdmin}
	return append(out, scopeNames()[1:]...)
}

// checkScopes refuses tokens that could do more, or less, than their maker may think.
func checkScopes(in api.TokenCreate) error {
	if len(in.Scopes) == 0 {
		return fault.New(fault.Invalid, "The token has no scope.").WithField("scopes").WithHint("Give one of: %s.", strings.Join(Scopes(), ", "))
	}
	for _, scope := range in.Scopes {
		if !slices.Contains(Scopes(), scope) {
			return fault.New(fault.Invalid, "There is no scope %s.", quoted(scope)).WithField("scopes").WithHint("Give one of: %s.", strings.Join(Scopes(), ", "))
		}
		if len(in.Servers) > 0 && !strings.HasPrefix(scope, "server.") {
			return fault.New(fault.Invalid, "The scope %s is about everything, not about single servers.", scope).WithField("scopes").
				WithHint("Leave the servers out, or give scopes that begin with server.")
		}
	}
	if in.Act && !slices.Contains(in.Scopes, api.ScopeAdmin) {
		return fault.New(fault.Invalid, "Only a token with the scope admin can act for others.").WithField("act").WithHint("Leave act out, or give the scope admin.")
	}
	return nil
}
