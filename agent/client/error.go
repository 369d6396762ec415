package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"syscall"

	"github.com/left4me/left4me/agent/api"
)

// Codes of an [Error], as the agent gives them. CodeUnavailable is also what a client says when it cannot
// reach the agent.
const (
	CodeInvalid         = "invalid"
	CodeUnauthenticated = "unauthenticated"
	CodeForbidden       = "forbidden"
	CodeNotFound        = "not_found"
	CodeConflict        = "conflict"
	CodePrecondition    = "precondition"
	CodeUnavailable     = "unavailable"
	CodeCanceled        = "canceled"
	CodeInternal        = "internal"
)

// Error is a failure as the agent, or the client on the way to it, tells it to a person.
type Error struct {
	Code      string // one of the codes above
	Message   string // one sentence
	Hint      string // one next step; may be empty
	Field     string // name or RFC 6901 pointer of the offending input; may be empty
	Source    string // who failed: agent, client, plugin:NAME, systemd, steam
	Reference string // of an internal failure, in the agent's log
	Status    int    // HTTP status; 0 when there was no answer
	cause     error
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause on this side of the connection, if any.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether err is an *Error with the code.
func Is(err error, code string) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == code
}

// FromAPI returns the failure that an answer, a job or the end of a stream carries.
func FromAPI(e api.Error) *Error {
	return &Error{Code: e.Code, Message: e.Message, Hint: e.Hint, Field: e.Field, Source: e.Source, Reference: e.Reference}
}

// API returns e as it is on the wire.
func (e *Error) API() api.Error {
	return api.Error{Code: e.Code, Message: e.Message, Hint: e.Hint, Field: e.Field, Source: e.Source, Reference: e.Reference}
}

func invalid(message, hint string) *Error {
	return &Error{Code: CodeInvalid, Message: message, Hint: hint, Source: "client"}
}

// unreachable explains why no connection came about or why it broke.
func (c *Client) unreachable(cause error) *Error {
	e := &Error{Code: CodeUnavailable, Source: "client", cause: cause,
		Message: fmt.Sprintf("The agent at %s does not answer: %s.", c.place, reason(cause)),
		Hint:    "Check that it runs and that the address is right."}
	switch {
	case c.socket && (errors.Is(cause, fs.ErrNotExist) || errors.Is(cause, syscall.ECONNREFUSED)):
		e.Message = fmt.Sprintf("The agent is not running: nothing listens at %s.", c.place)
		e.Hint = `Start it with "systemctl start left4me-agent", or with "left4me agent" in a terminal.`
	case errors.Is(cause, syscall.ECONNREFUSED):
		e.Message = fmt.Sprintf("The agent is not running: nothing listens at %s.", c.place)
	case errors.Is(cause, fs.ErrPermission):
		e.Code = CodeForbidden
		e.Message = fmt.Sprintf("This user may not open the agent's socket %s.", c.place)
		e.Hint = "Run the command as root, or as a member of the socket's group."
	}
	return e
}

// reason is the innermost error: the outer ones repeat the method and the URL.
func reason(err error) string {
	for {
		inner := errors.Unwrap(err)
		if err == io.EOF { //nolint:errorlint // it is the innermost
			return "the connection was closed"
		}
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// failure reads the error of an answer.
func (c *Client) failure(response *http.Response) *Error {
	data, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	var body api.Error
	if err := json.Unmarshal(data, &body); err != nil || body.Code == "" || body.Message == "" {
		return &Error{Code: CodeUnavailable, Status: response.StatusCode, Source: "client",
			Message: fmt.Sprintf("What answers at %s is not the agent: it says %s.", c.place, response.Status),
			Hint:    "Check the address, and whether a proxy stands between."}
	}
	e := FromAPI(body)
	e.Status = response.StatusCode
	return e
}
