// Package fault is the error model of the agent: what a person is told, and how it maps to
// HTTP statuses and exit codes.
//
// A [Error] carries one sentence for the person and one next step. Anything else that travels as
// an error is a bug or an outage: it is shown as [Internal] with a reference, and its text goes to the
// log only. Wrap bare operation phrases with fmt.Errorf in between; return or log, never both.
package fault

import (
	"errors"
	"fmt"
)

// Code classifies an Error. The strings are part of the HTTP API.
type Code string

// Codes, see docs/reference/errors.md for the status and exit code of each.
const (
	Invalid         Code = "invalid"
	Unauthenticated Code = "unauthenticated"
	Forbidden       Code = "forbidden"
	NotFound        Code = "not_found"
	Conflict        Code = "conflict"
	Precondition    Code = "precondition"
	Unavailable     Code = "unavailable"
	Canceled        Code = "canceled"
	Internal        Code = "internal"
)

// Error is a failure that a person reads.
type Error struct {
	Code    Code
	Message string // one sentence: what failed and why
	Hint    string // one next step; may be empty
	Field   string // name or RFC 6901 pointer of the offending input; may be empty
	Source  string // "agent", "plugin:<name>", "systemd", "steam"; "" means agent
	cause   error
}

// New returns an Error. The message is one sentence for a person.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns an Error that carries cause for the log and for errors.Is.
func Wrap(cause error, code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), cause: cause}
}

// WithHint returns a copy of e with the next step set.
func (e *Error) WithHint(format string, args ...any) *Error {
	out := *e
	out.Hint = fmt.Sprintf(format, args...)
	return &out
}

// WithField returns a copy of e that points at the offending input.
func (e *Error) WithField(field string) *Error {
	out := *e
	out.Field = field
	return &out
}

// WithSource returns a copy of e that names who failed.
func (e *Error) WithSource(source string) *Error {
	out := *e
	out.Source = source
	return &out
}

// Error returns the message, followed by the cause if there is one. It is for logs; a person gets
// Message and Hint.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Message + ": " + e.cause.Error()
	}
	return e.Message
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Of returns the first Error in err's chain.
func Of(err error) (*Error, bool) { return errors.AsType[*Error](err) }

// CodeOf returns the code of err: "" for nil and Internal for anything that is no Error.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := Of(err); ok {
		return e.Code
	}
	return Internal
}

// Is reports whether err has code.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }
