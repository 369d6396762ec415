package sandboxtest

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
)

// marked gives bwrap and bash an argument that is found again on the host; bash ignores it.
func marked(mark string) func(*sandbox.Spec) {
	return func(spec *sandbox.Spec) { spec.Interpreter = []string{"/bin/bash", "--rcfile", "/" + mark} }
}

// A cancel can come at any moment of the set-up. Bwrap that dies between making its namespace and
// telling the first process in it to go on once left that process behind for ever.
func (s suite) runCanceledAtAnyMomentLeavesNothing(t *testing.T) {
	b := s.box(t, Options{})
	for i := range s.backend.Redo {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i*s.backend.Step)*time.Microsecond)
		got := b.runContext(ctx, "sleep 31415.6", marked("31415.6"))
		cancel()
		if got.Ending != sandbox.Canceled {
			t.Fatalf("after %d: %+v", i, got.Outcome)
		}
		if left := processesWith("31415.6"); len(left) > 0 {
			t.Fatalf("after %d: left behind: %q", i, left)
		}
	}
}

// The same when the plugin itself is killed: there is nobody left to clean up.
func (s suite) runWithPluginKilledAtAnyMomentLeavesNothing(t *testing.T) {
	b := s.box(t, Options{})
	for i := range s.backend.Redo * 2 / 5 {
		holder := exec.Command("/proc/self/exe")
		holder.Env = append(os.Environ(), "LEFT4ME_TEST_ROLE=holder", "LEFT4ME_TEST_ID="+b.id, "LEFT4ME_TEST_TREE="+b.tree)
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15*time.Millisecond + time.Duration(i*s.backend.Step*5/2)*time.Microsecond) // the moment is what is tested
		_ = holder.Process.Kill()
		_ = holder.Wait()
		waitFor(t, "everything to die", func() bool { return len(processesWith("31415.3")) == 0 })
	}
}
