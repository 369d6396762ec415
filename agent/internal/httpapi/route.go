package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"reflect"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/id"
)

// route is one row of the table.
type route struct {
	method  string
	path    string // of package api, with {name} and {id}
	id      string // operation id: noun-verb, stable, also the name in the reference
	summary string // one sentence in the imperative
	access  Access
	handler handler
}

// handler is how a row is served and what the reference says about it.
type handler struct {
	status int          // of success
	body   reflect.Type // of the request; nil = none
	answer reflect.Type // nil = none
	params []param      // of the query; others are refused
	stream bool         // answers with server-sent events
	text   bool         // the body is text, which serve reads itself
	bytes  bool         // answers with the bytes of a file
	media  []string     // what they may be, if not anything
	serve  func(a *API, w http.ResponseWriter, r *http.Request, c call) error
}

// call is a request after its checks.
type call struct {
	ctx    context.Context
	actor  string
	bearer *Bearer // who shows a token; nil = somebody else
	target string  // {name}, or {id} where there is no name
	id     string  // {id}
	query  url.Values
	body   any // pointer to the row's body type
}

// all serves what needs no parameter.
func all[Out any](do func(context.Context) (Out, error)) handler {
	return answers(http.StatusOK, func(c call) (Out, error) { return do(c.ctx) })
}

// one serves what is about one object.
func one[Out any](do func(context.Context, string) (Out, error)) handler {
	return answers(http.StatusOK, func(c call) (Out, error) { return do(c.ctx, c.target) })
}

// act serves what does something to one object.
func act[Out any](status int, do func(ctx context.Context, actor, target string) (Out, error)) handler {
	return answers(status, func(c call) (Out, error) { return do(c.ctx, c.actor, c.target) })
}

// remove serves what makes one object go away at once.
func remove(do func(ctx context.Context, actor, target string) error) handler {
	return handler{status: http.StatusNoContent, serve: func(_ *API, w http.ResponseWriter, _ *http.Request, c call) error {
		if err := do(c.ctx, c.actor, c.target); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}}
}

// create serves what makes an object of a body.
func create[In, Out any](do func(ctx context.Context, actor string, in In) (Out, error)) handler {
	return accepts(http.StatusCreated, func(c call, in In) (Out, error) { return do(c.ctx, c.actor, in) })
}

// change serves what does something to one object with a body.
func change[In, Out any](status int, do func(ctx context.Context, actor, target string, in In) (Out, error)) handler {
	return accepts(status, func(c call, in In) (Out, error) { return do(c.ctx, c.actor, c.target, in) })
}

// order serves what does something to one object with a body, and has nothing to answer.
func order[In any](do func(ctx context.Context, actor, target string, in In) error) handler {
	return handler{status: http.StatusNoContent, body: reflect.TypeFor[In](), serve: func(_ *API, w http.ResponseWriter, _ *http.Request, c call) error {
		if err := do(c.ctx, c.actor, c.target, *c.body.(*In)); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}}
}

// answers serves what takes no body.
func answers[Out any](status int, do func(call) (Out, error), params ...param) handler {
	return handler{status: status, answer: reflect.TypeFor[Out](), params: params,
		serve: func(_ *API, w http.ResponseWriter, _ *http.Request, c call) error {
			out, err := do(c)
			if err != nil {
				return err
			}
			writeJSON(w, status, out)
			return nil
		}}
}

// accepts serves what takes a body.
func accepts[In, Out any](status int, do func(call, In) (Out, error)) handler {
	h := answers(status, func(c call) (Out, error) { return do(c, *c.body.(*In)) })
	h.body = reflect.TypeFor[In]()
	return h
}

// checkTarget refuses names and ids that nothing can have, before anything looks for them.
func (c *call) checkTarget(name, identifier string) error {
	if name != "" {
		if !id.ValidName(name) {
			return fault.New(fault.Invalid, "%s is not a name.", quoted(name)).
				WithHint("A name is 1 to 64 characters of a-z, 0-9, _ and -, beginning with a letter or digit.").WithField("name")
		}
		c.target = name
	}
	if identifier != "" {
		if !id.Valid(identifier) {
			return fault.New(fault.Invalid, "%s is not an id.", quoted(identifier)).
				WithHint("Ids are 26 characters; copy one from a list.").WithField("id")
		}
		c.id = identifier
		if name == "" {
			c.target = identifier
		}
	}
	return nil
}
