package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
)

// StatusOf maps codes to HTTP statuses. Canceled is 409: the request was fine and the agent works, but
// what it asked for was called off by somebody, so its result conflicts with the present state.
func StatusOf(code fault.Code) int {
	switch code {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict, fault.Precondition, fault.Canceled:
		return http.StatusConflict
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// wire returns what a person may see of err. The text of anything that is no fault goes to the log
// only, under the id of the request.
func (a *API) wire(r *http.Request, err error) api.Error {
	request := requestOf(r)
	known, ok := fault.Of(err)
	if !ok || known.Code == fault.Internal {
		if r.Context().Err() == nil || !errors.Is(err, context.Canceled) {
			a.log.LogAttrs(r.Context(), slog.LevelError, "request failed", slog.String("request", request),
				slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
		}
		return api.Error{Code: string(fault.Internal), Message: "The agent failed in a way it did not foresee.",
			Hint: "Look for " + request + " in the agent's log.", Source: "agent", Reference: request}
	}
	source := known.Source
	if source == "" {
		source = "agent"
	}
	return api.Error{Code: string(known.Code), Message: known.Message, Hint: known.Hint, Field: known.Field, Source: source}
}

// fail answers with err. Statuses that no code has (405, 413, 415) are given as a statusError.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	body := a.wire(r, err)
	status := StatusOf(fault.Code(body.Code))
	if special, ok := errors.AsType[*statusError](err); ok {
		status = special.status
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	writeJSON(w, status, body)
}

// statusError gives a fault a more exact status than its code has.
type statusError struct {
	status int
	fault  *fault.Error
}

// Error returns the fault's text.
func (e *statusError) Error() string { return e.fault.Error() }

// Unwrap returns the fault.
func (e *statusError) Unwrap() error { return e.fault }
