package httpapi

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/id"
)

// RequestHeader carries the request's id in every answer. Internal errors refer to it.
const RequestHeader = "X-Request-Id"

type requestKey struct{}

// requestOf returns the id of r.
func requestOf(r *http.Request) string {
	request, _ := r.Context().Value(requestKey{}).(string)
	return request
}

// observe gives each request an id, logs it, and turns a panic into an internal error.
func (a *API) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, request := time.Now(), id.New()
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, request))
		seen, goesOn := &recorder{ResponseWriter: w}, false
		seen.Header().Set(RequestHeader, request)
		defer func() {
			if thrown := recover(); thrown != nil {
				a.recovered(seen, r, thrown)
			}
			if !goesOn {
				a.logRequest(r, seen.status, time.Since(start))
			}
		}()
		next.ServeHTTP(seen, r)
		if seen.rest != nil {
			goesOn = a.finish(seen, r, func() { a.logRequest(r, http.StatusOK, time.Since(start)) })
		}
	})
}

// recovered answers a request whose handler panicked, or cuts it off when the answer has begun.
func (a *API) recovered(w *recorder, r *http.Request, thrown any) {
	if thrown == http.ErrAbortHandler { //nolint:errorlint // net/http compares the same way
		panic(thrown)
	}
	err := fmt.Errorf("panic: %v\n%s", thrown, debug.Stack())
	if w.status == 0 {
		a.fail(w, r, err)
		return
	}
	a.wire(r, err)
	panic(http.ErrAbortHandler)
}

// logRequest logs reads at debug and all else at info: the log shows who changed what.
func (a *API) logRequest(r *http.Request, status int, took time.Duration) {
	level := slog.LevelInfo
	if r.Method == http.MethodGet && status < http.StatusInternalServerError {
		level = slog.LevelDebug
	}
	a.log.LogAttrs(r.Context(), level, "request", slog.String("request", requestOf(r)), slog.String("method", r.Method),
		slog.String("path", shorten(r.URL.Path)), slog.Int("status", status), slog.Duration("took", took))
}

// recorder notes the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	rest   rest // see later; nil = the answer is complete
}

// WriteHeader notes the first status.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write sends data; without a status before, it is 200.
func (w *recorder) Write(data []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(data)
}

// Unwrap lets http.ResponseController reach deadlines and flush.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// serve checks a request in a fixed order (who, may they, what) and hands it to its row.
func (a *API) serve(row route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := a.admit(row, r)
		if err == nil {
			err = a.body(row, w, r, &c)
		}
		if err == nil {
			err = row.handler.serve(a, w, r, c)
		}
		if err != nil {
			a.fail(w, r, err)
		}
	})
}

// admit checks who asks and what for.
func (a *API) admit(row route, r *http.Request) (call, error) {
	c := call{ctx: r.Context(), query: r.URL.Query()}
	if row.access.level() > Open {
		who, err := a.grants.identify(r, a.tokens)
		if err != nil {
			return c, err
		}
		if c.bearer = who.bearer; !who.may(row, r) {
			return c, fault.New(fault.Forbidden, "%s may not do this: it needs %s access.", who.actor, row.access).
				WithHint("Ask somebody who may, or extend the access in the agent's config.")
		}
		if c.actor, err = actorOf(r, who); err != nil {
			return c, err
		}
	}
	if err := c.checkTarget(parameter(r, row, "name"), parameter(r, row, "id")); err != nil {
		return c, err
	}
	return c, checkQuery(c.query, row.handler.params)
}

// may reports whether the identity may use a row.
func (i identity) may(row route, r *http.Request) bool {
	if i.bearer != nil {
		return i.bearer.may(row, parameter(r, row, "name"))
	}
	return i.access >= row.access.level()
}

// parameter returns a path parameter as the client meant it. chi matches the escaped path if there is
// one, so that a name with %2F stays one element and is refused as a name.
func parameter(r *http.Request, row route, name string) string {
	if !strings.Contains(row.path, "{"+name+"}") {
		return ""
	}
	value := chi.URLParam(r, name)
	if r.URL.RawPath == "" {
		return value
	}
	plain, err := url.PathUnescape(value)
	if err != nil {
		return value // has a %, which no name has
	}
	return plain
}

// body decodes the body of rows that take one and refuses it for others.
func (a *API) body(row route, w http.ResponseWriter, r *http.Request, c *call) error {
	if row.handler.body != nil {
		c.body = reflect.New(row.handler.body).Interface()
		return decode(w, r, a.registry, a.registry.Schema(row.handler.body, true, ""), c.body)
	}
	if row.handler.text || r.Method == http.MethodGet || r.Method == http.MethodHead || r.ContentLength == 0 {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, 16))
	if text := strings.Join(strings.Fields(string(data)), ""); err == nil && text != "" && text != "{}" {
		return fault.New(fault.Invalid, "This request takes no body.").WithHint("Send it empty.")
	}
	return nil
}

func (a *API) notFound(w http.ResponseWriter, r *http.Request) {
	a.fail(w, r, fault.New(fault.NotFound, "There is nothing at %s.", quoted(r.URL.Path)).
		WithHint("See /v1/openapi.json for the paths."))
}

func (a *API) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	allowed := slices.DeleteFunc([]string{"GET", "POST", "PATCH", "PUT", "DELETE"}, func(method string) bool {
		return !a.router.Match(chi.NewRouteContext(), method, r.URL.Path)
	})
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	a.fail(w, r, &statusError{http.StatusMethodNotAllowed,
		fault.New(fault.Invalid, "%s cannot be done here.", quoted(r.Method)).WithHint("Use %s.", strings.Join(allowed, " or "))})
}
