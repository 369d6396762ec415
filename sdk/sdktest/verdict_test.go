package sdktest_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/left4me/left4me/sdk/sdktest"
)

// verdict is a sdktest.T that keeps what a check says instead of failing the test.
type verdict struct {
	t *testing.T

	mu       sync.Mutex
	problems []string
	skipped  string
	cleanups []func()
}

// judge runs a check and returns its verdict.
func judge(t *testing.T, check func(sdktest.T)) *verdict {
	t.Helper()
	v := &verdict{t: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		check(v)
	}()
	<-done
	for _, f := range slices.Backward(v.cleanups) {
		f()
	}
	return v
}

func (v *verdict) Helper()                  {}
func (v *verdict) Name() string             { return v.t.Name() }
func (v *verdict) Logf(string, ...any)      {}
func (v *verdict) TempDir() string          { return v.t.TempDir() }
func (v *verdict) Context() context.Context { return context.Background() }

func (v *verdict) Errorf(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.problems = append(v.problems, fmt.Sprintf(format, args...))
}

func (v *verdict) Fatalf(format string, args ...any) {
	v.Errorf(format, args...)
	runtime.Goexit()
}

func (v *verdict) Skipf(format string, args ...any) {
	v.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (v *verdict) Failed() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.problems) > 0
}

func (v *verdict) Cleanup(f func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cleanups = append(v.cleanups, f)
}

// caught fails the test unless the check failed and said what it must.
func (v *verdict) caught(t *testing.T, says string) {
	t.Helper()
	switch {
	case v.skipped != "":
		t.Errorf("the check was skipped: %s", v.skipped)
	case len(v.problems) == 0:
		t.Error("the check passed")
	case !strings.Contains(strings.Join(v.problems, "\n"), says):
		t.Errorf("the check says %q, not %q", v.problems, says)
	}
}
