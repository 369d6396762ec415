package sdk

import (
	"errors"
	"fmt"
)

// Code classifies an [Error]. The agent maps codes to HTTP statuses and exit codes.
type Code string

// The codes of the protocol. Anything that is not an [Error] counts as CodeInternal.
const (
	CodeInvalid         Code = "invalid"         // the request can never succeed as it is
	CodeUnauthenticated Code = "unauthenticated" // who calls is not known
	CodeForbidden       Code = "forbidden"       // who calls may not
	CodeNotFound        Code = "not_found"       // what it names does not exist
	CodeConflict        Code = "conflict"        // it exists already, in another form
	CodePrecondition    Code = "precondition"    // not in the present state
	CodeUnavailable     Code = "unavailable"     // later may succeed
	CodeCanceled        Code = "canceled"        // the caller gave up
	CodeInternal        Code = "internal"        // a fault of the plugin
)

// Error is a failure that a person reads. It crosses the wire unchanged.
type Error struct {
	Code    Code
	Message string // one sentence that says what failed and why
	Hint    string // one next step; may be empty
	Field   string // RFC 6901 pointer to the offending setting; may be empty
	cause   error
}

// Errorf returns an *Error without a cause. The message is one sentence for a person.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns an *Error that also carries cause for the log. The cause does not cross the wire.
func Wrap(cause error, code Code, message string) *Error {
	return &Error{Code: code, Message: message, cause: cause}
}

// WithHint returns a copy of e with the next step set.
func (e *Error) WithHint(hint string) *Error {
	out := *e
	out.Hint = hint
	return &out
}

// WithField returns a copy of e that points at a setting.
func (e *Error) WithField(pointer string) *Error {
	out := *e
	out.Field = pointer
	return &out
}

// Error returns the message, followed by the cause if there is one.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Message + " (" + e.cause.Error() + ")"
	}
	return e.Message
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// CodeOf returns the code of the first *Error in err's chain, CodeInternal for any other error
// and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}
