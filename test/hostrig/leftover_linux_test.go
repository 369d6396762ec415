package hostrig_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/test/hostrig"
)

// TestHolder boots a host and waits to be killed, in a process that another test started.
func TestHolder(t *testing.T) {
	if os.Getenv("LEFT4ME_TEST_ROLE") != "holder" {
		t.Skip("runs inside TestKilledRunLeavesNothing")
	}
	h := hostrig.Boot(t, hostrig.Options{})
	h.Output(t, "true")
	fmt.Println("booted")
	select {}
}

// A test that is killed cleans nothing up. Its host dies with it, and the next boot removes the rest.
func TestKilledRunLeavesNothing(t *testing.T) {
	hostrig.Needs(t)
	holder := exec.Command("/proc/self/exe", "-test.run=^TestHolder$", "-test.v")
	holder.Env = append(os.Environ(), "LEFT4ME_TEST_ROLE=holder")
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	before := left(t)
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "booted" {
	}
	during := left(t)
	_ = holder.Process.Kill()
	_ = holder.Wait()
	if len(during) <= len(before) {
		t.Fatalf("the holder's host is not seen: %v, then %v", before, during)
	}
	_ = hostrig.Boot(t, hostrig.Options{})
	after := strings.Join(left(t), "\n")
	for _, trace := range during {
		if !slices.Contains(before, trace) && strings.Contains(after, trace) {
			t.Errorf("left behind: %s", trace)
		}
	}
}

// left lists the mounts and cgroups of hosts on this machine.
func left(t *testing.T) []string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	out, err := filepath.Glob("/sys/fs/cgroup/*/left4me-host-*")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, "left4me-host") {
			out = append(out, strings.Fields(line)[4])
		}
	}
	return out
}

// The package's own tests of results run inside a host: what passes, skips and has subtests there does so here.
func TestGoTestReportsEachTest(t *testing.T) {
	h := shared.Host(t)
	started := time.Now()
	h.GoTest(t, hostrig.GoTest{Module: "../../sdk", Package: ".", User: "nobody", Run: "^Test(HealthReporter|LaunchLine.*)$", Environment: map[string]string{"HOME": "/tmp"}})
	t.Logf("took %s", time.Since(started).Round(time.Millisecond))
}
