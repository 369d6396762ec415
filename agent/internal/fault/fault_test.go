package fault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/left4me/left4me/agent/internal/fault"
)

func TestErrorCarriesSentenceAndCause(t *testing.T) {
	base := fault.Wrap(context.Canceled, fault.Unavailable, "Cannot reach %s.", "Steam")
	full := base.WithHint("Try %d times.", 3).WithField("/items/0").WithSource("steam")
	if base.Hint != "" || base.Field != "" || base.Source != "" {
		t.Errorf("the original was changed: %+v", base)
	}
	if full.Message != "Cannot reach Steam." || full.Hint != "Try 3 times." || full.Field != "/items/0" || full.Source != "steam" {
		t.Errorf("%+v", full)
	}
	if got := full.Error(); got != "Cannot reach Steam.: context canceled" {
		t.Errorf("Error() = %q", got)
	}
	if !errors.Is(full, context.Canceled) {
		t.Error("the cause is lost")
	}
	if got := fault.New(fault.Invalid, "No.").Error(); got != "No." {
		t.Errorf("Error() without cause = %q", got)
	}
}

func TestCodeOf(t *testing.T) {
	conflict := fault.New(fault.Conflict, "Taken.")
	for name, c := range map[string]struct {
		err  error
		want fault.Code
	}{
		"nil":     {nil, ""},
		"fault":   {conflict, fault.Conflict},
		"wrapped": {fmt.Errorf("put server: %w", conflict), fault.Conflict},
		"joined":  {errors.Join(errors.New("other"), conflict), fault.Conflict},
		"nested":  {fault.Wrap(conflict, fault.Precondition, "Outer."), fault.Precondition},
		"foreign": {errors.New("disk on fire"), fault.Internal},
	} {
		if got := fault.CodeOf(c.err); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if c.want != "" && !fault.Is(c.err, c.want) {
			t.Errorf("%s: Is is false", name)
		}
	}
	if fault.Is(nil, "") {
		t.Error("nil has a code")
	}
}
