package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/left4me/left4me/sdk"
)

func TestErrorsCrossTheWireUnchanged(t *testing.T) {
	wants := map[sdk.Code]codes.Code{
		sdk.CodeInvalid:         codes.InvalidArgument,
		sdk.CodeUnauthenticated: codes.Unauthenticated,
		sdk.CodeForbidden:       codes.PermissionDenied,
		sdk.CodeNotFound:        codes.NotFound,
		sdk.CodeConflict:        codes.AlreadyExists,
		sdk.CodePrecondition:    codes.FailedPrecondition,
		sdk.CodeUnavailable:     codes.Unavailable,
		sdk.CodeCanceled:        codes.Canceled,
		sdk.CodeInternal:        codes.Internal,
	}
	for code, want := range wants {
		sent := sdk.Errorf(code, "Message of %s.", code).WithHint("Hint.").WithField("/a/0")
		wire := sdk.ToStatus(fmt.Errorf("wrapped: %w", sent))
		if got := status.Code(wire); got != want {
			t.Errorf("%s became gRPC %s, want %s", code, got, want)
		}
		got := sdk.FromStatus(wire)
		e, ok := errors.AsType[*sdk.Error](got)
		if !ok || e.Code != code || e.Message != sent.Message || e.Hint != sent.Hint || e.Field != sent.Field {
			t.Errorf("%s came back as %#v", code, got)
		}
	}
}

func TestErrorsWithoutDetail(t *testing.T) {
	for _, c := range []struct {
		err  error
		code sdk.Code
		is   error
	}{
		{status.Error(codes.Canceled, "x"), sdk.CodeCanceled, context.Canceled},
		{status.Error(codes.DeadlineExceeded, "x"), sdk.CodeUnavailable, context.DeadlineExceeded},
		{context.Canceled, sdk.CodeCanceled, context.Canceled},
		{context.DeadlineExceeded, sdk.CodeUnavailable, context.DeadlineExceeded},
		{status.Error(codes.Unavailable, "EOF"), sdk.CodeUnavailable, nil},
		{status.Error(codes.Unimplemented, "x"), sdk.CodePrecondition, nil},
		{status.Error(codes.ResourceExhausted, "x"), sdk.CodeInvalid, nil},
		{status.Error(codes.Aborted, "x"), sdk.CodeConflict, nil},
		{status.Error(codes.NotFound, "x"), sdk.CodeNotFound, nil},
		{status.Error(codes.DataLoss, "x"), sdk.CodeInternal, nil},
		{errors.New("plain"), sdk.CodeInternal, nil},
	} {
		got := sdk.FromStatus(c.err)
		if sdk.CodeOf(got) != c.code || c.is != nil && !errors.Is(got, c.is) {
			t.Errorf("FromStatus(%v) = %v with code %q, want %q", c.err, got, sdk.CodeOf(got), c.code)
		}
	}
	if sdk.FromStatus(nil) != nil || sdk.ToStatus(nil) != nil {
		t.Error("no error became one")
	}
}

func TestServerSideErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		code sdk.Code
	}{
		{errors.New("disk on fire"), sdk.CodeInternal},
		{fmt.Errorf("fetch: %w", context.Canceled), sdk.CodeCanceled},
		{fmt.Errorf("fetch: %w", context.DeadlineExceeded), sdk.CodeUnavailable},
		{sdk.Wrap(errors.New("secret cause"), sdk.CodeNotFound, "Gone."), sdk.CodeNotFound},
		{&sdk.Error{Code: "made up", Message: "x"}, sdk.CodeInternal},
	} {
		got := sdk.FromStatus(sdk.ToStatus(c.err))
		if sdk.CodeOf(got) != c.code {
			t.Errorf("%v came back as %q, want %q", c.err, sdk.CodeOf(got), c.code)
		}
		if strings.Contains(got.Error(), "secret cause") {
			t.Errorf("the cause crossed the wire: %v", got)
		}
	}
}

func TestLongAndDamagedErrorText(t *testing.T) {
	long := strings.Repeat("é", 100_000) + "\xff"
	got := sdk.FromStatus(sdk.ToStatus(sdk.Errorf(sdk.CodeInvalid, "\xff%s", long).WithHint(long)))
	e, ok := errors.AsType[*sdk.Error](got)
	if !ok || e.Code != sdk.CodeInvalid || len(e.Message) > 4<<10 || len(e.Hint) > 4<<10 {
		t.Fatalf("a long error came back as %T with %d bytes", got, len(got.Error()))
	}
	if !utf8.ValidString(e.Message) || !strings.HasPrefix(e.Message, "\uFFFDé") {
		t.Errorf("the message is damaged: %.20q", e.Message)
	}
}
