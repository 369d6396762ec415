package sdk

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/left4me/left4me/sdk/internal/wire"
	pluginv1 "github.com/left4me/left4me/sdk/proto/left4me/plugin/v1"
)

// ToStatus returns err as a gRPC status error whose details carry an ErrorDetail. Servers made with
// [NewServer] do this for every method. Anything that is no *Error counts as internal, except for the
// errors of a context. A nil err gives nil.
func ToStatus(err error) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*Error](err)
	switch {
	case ok:
	case errors.Is(err, context.Canceled):
		e = Errorf(CodeCanceled, "Canceled.")
	case errors.Is(err, context.DeadlineExceeded):
		e = Errorf(CodeUnavailable, "It took longer than allowed: %v.", err)
	default:
		if s, isStatus := status.FromError(err); isStatus {
			return s.Err()
		}
		e = Errorf(CodeInternal, "%s", err.Error())
	}
	message := wire.Text(e.Message, wire.ErrorText)
	st, detailErr := status.New(grpcCode(e.Code), message).WithDetails(&pluginv1.ErrorDetail{
		Code:    string(e.Code),
		Message: message,
		Hint:    wire.Text(e.Hint, wire.ErrorText),
		Field:   wire.Text(e.Field, wire.ErrorText),
	})
	if detailErr != nil {
		return status.Error(grpcCode(e.Code), message)
	}
	return st.Err()
}

// FromStatus returns the error of a gRPC call as an *Error; it is what client adapters hand out. A
// status with an ErrorDetail gives the error that the other side returned. Otherwise the code is
// derived from gRPC's, and the original error stays in the chain. errors.Is finds context.Canceled
// and context.DeadlineExceeded where they apply.
func FromStatus(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	st, ok := status.FromError(err)
	if !ok {
		st = status.FromContextError(err)
	}
	for _, detail := range st.Details() {
		if d, ok := detail.(*pluginv1.ErrorDetail); ok {
			return fromDetail(d)
		}
	}
	return fromCode(err, st)
}

func fromDetail(d *pluginv1.ErrorDetail) *Error {
	e := &Error{
		Code:    Code(d.GetCode()),
		Message: wire.Text(d.GetMessage(), wire.ErrorText),
		Hint:    wire.Text(d.GetHint(), wire.ErrorText),
		Field:   wire.Text(d.GetField(), wire.ErrorText),
	}
	if !e.Code.known() {
		e.Code = CodeInternal
	}
	if e.Code == CodeCanceled {
		e.cause = context.Canceled
	}
	return e
}

// fromCode explains a status that no plugin wrote: gRPC made it, here or on the other side.
func fromCode(err error, st *status.Status) *Error {
	switch st.Code() {
	case codes.Canceled:
		return Wrap(context.Canceled, CodeCanceled, "Canceled.")
	case codes.DeadlineExceeded:
		return Wrap(context.DeadlineExceeded, CodeUnavailable, "The plugin did not answer in time.")
	case codes.Unavailable:
		return Wrap(err, CodeUnavailable, "The connection to the plugin broke.")
	case codes.Unimplemented:
		return Wrap(err, CodePrecondition, "The plugin does not offer this call.")
	case codes.ResourceExhausted:
		return Wrap(err, CodeInvalid, "The message is larger than the plugin protocol allows.")
	}
	return &Error{Code: codeOfGRPC(st.Code()), Message: wire.Text(st.Message(), wire.ErrorText), cause: err}
}

func grpcCode(code Code) codes.Code {
	switch code {
	case CodeInvalid:
		return codes.InvalidArgument
	case CodeUnauthenticated:
		return codes.Unauthenticated
	case CodeForbidden:
		return codes.PermissionDenied
	case CodeNotFound:
		return codes.NotFound
	case CodeConflict:
		return codes.AlreadyExists
	case CodePrecondition:
		return codes.FailedPrecondition
	case CodeUnavailable:
		return codes.Unavailable
	case CodeCanceled:
		return codes.Canceled
	case CodeInternal:
	}
	return codes.Internal
}

func codeOfGRPC(code codes.Code) Code {
	switch code {
	case codes.InvalidArgument, codes.OutOfRange:
		return CodeInvalid
	case codes.Unauthenticated:
		return CodeUnauthenticated
	case codes.PermissionDenied:
		return CodeForbidden
	case codes.NotFound:
		return CodeNotFound
	case codes.AlreadyExists, codes.Aborted:
		return CodeConflict
	case codes.FailedPrecondition:
		return CodePrecondition
	}
	return CodeInternal
}

// known reports whether c is one of the protocol's codes.
func (c Code) known() bool { return c == CodeInternal || grpcCode(c) != codes.Internal }

// Broken returns the error for a plugin that does not keep to the protocol. It is internal: nothing
// the person asked for was wrong.
func Broken(format string, args ...any) *Error {
	return Errorf(CodeInternal, "The plugin broke the protocol: "+format+".", args...).
		WithHint("Update the plugin, or report this to its author.")
}
