package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/agent/internal/demo"
	"github.com/left4me/left4me/agent/internal/fault"
)

// Exit statuses that no code has; see also exitUnwell.
const (
	exitJobFailed   = 7
	exitInterrupted = 130
)

// ExitStatus returns the exit status of an error code of the API.
func ExitStatus(code string) int {
	switch code {
	case client.CodeInvalid:
		return 2
	case client.CodeNotFound:
		return 3
	case client.CodeUnauthenticated, client.CodeForbidden:
		return 4
	case client.CodeConflict, client.CodePrecondition, client.CodeCanceled:
		return 5
	case client.CodeUnavailable:
		return 6
	}
	return 1
}

// jobFailed is the end of a job that was waited for.
type jobFailed struct{ cause *client.Error }

// Error returns the job's own sentence.
func (e *jobFailed) Error() string { return e.cause.Message }

// interrupted is a Ctrl-C; note says what goes on without us, and may be empty.
type interrupted struct{ note string }

// Error returns the note.
func (e *interrupted) Error() string { return e.note }

// report tells the person about err and returns the exit status. It is the only place that does either.
func (a *app) report(cmd *cobra.Command, err error) int {
	if exit, ok := errors.AsType[*demo.Exit](err); ok {
		return exit.Code // it was told already
	}
	if stop, ok := errors.AsType[*interrupted](err); ok {
		if stop.note != "" {
			fmt.Fprintf(a.Stderr, "left4me: %s\n", stop.note)
		}
		return exitInterrupted
	}
	if _, ok := errors.AsType[*unwell](err); ok {
		return exitUnwell
	}
	if errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	if failed, ok := errors.AsType[*jobFailed](err); ok {
		a.tell(failed.cause)
		return exitJobFailed
	}
	shown := explained(cmd, err)
	a.tell(shown)
	return ExitStatus(shown.Code)
}

// explained makes a sentence of any error.
func explained(cmd *cobra.Command, err error) *client.Error {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return e
	}
	if e, ok := fault.Of(err); ok {
		return &client.Error{Code: string(e.Code), Message: e.Message, Hint: e.Hint, Field: e.Field, Source: e.Source}
	}
	out := &client.Error{Code: client.CodeInternal, Message: err.Error(), Source: "client"}
	if cmd != nil {
		out.Hint = "This is a fault of left4me; please report it with the command you ran."
	}
	return out
}

func (a *app) tell(e *client.Error) {
	if a.format == "json" {
		data, err := json.Marshal(e.API())
		if err == nil {
			fmt.Fprintf(a.Stderr, "%s\n", data)
			return
		}
	}
	fmt.Fprintf(a.Stderr, "left4me: %s\n", printable(e.Message))
	if e.Hint != "" {
		fmt.Fprintf(a.Stderr, "hint: %s\n", printable(e.Hint))
	}
}
