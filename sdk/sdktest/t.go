package sdktest

import (
	"context"
	"time"
)

// T is the part of *testing.T that checks use. That it is an interface lets the checks be tested
// against plugins that must fail them.
type T interface {
	Helper()
	Name() string
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
	Failed() bool
	TempDir() string
	Cleanup(f func())
	Context() context.Context
}

// patience is how long a check waits for something that must happen. It is no measure of speed: it
// only turns a hang into a failure.
const patience = 30 * time.Second

// patient returns a context that ends when patience does.
func patient(t T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
