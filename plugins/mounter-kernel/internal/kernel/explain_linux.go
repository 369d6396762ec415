package kernel

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/sdk"
)

// diskFull turns the one failure of the machine that a person can do something about into a sentence.
// Everything else passes unchanged.
func diskFull(err error) error {
	if !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EDQUOT) {
		return err
	}
	if _, is := errors.AsType[*sdk.Error](err); is {
		return err
	}
	return sdk.Wrap(err, sdk.CodeUnavailable, "The disk that holds the content is full.").
		WithHint("Remove old revisions or free some space, then try again.")
}
