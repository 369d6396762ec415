package hostrig

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// GoTest is a package whose tests run inside a host, for example one of a plugin's module.
type GoTest struct {
	Module      string            // directory of the module, relative to the caller's
	Package     string            // as go test takes it: "./internal/x"
	User        string            // whom the tests run as; "" is root
	Run         string            // as go test -run takes it; "" is all
	Environment map[string]string // for the tests
}

// directory of test binaries inside the host.
const testDir = "/usr/local/lib/left4me-test"

// GoTest builds a package's tests, runs them inside the host and reports each as a subtest, so that their number and
// names are in the output. A run without any test fails.
func (h *Host) GoTest(t *testing.T, g GoTest) {
	t.Helper()
	binary := h.testBinary(t, g)
	result, err := h.Run(t.Context(), nil, g.commandLine(binary)...)
	if err != nil {
		t.Fatal(err)
	}
	events, err := decode(t, result.Stdout)
	if err != nil {
		t.Fatalf("read the results: %v\n%s%s", err, result.Stdout, result.Stderr)
	}
	tests := group(events)
	tests.replay(t, "")
	t.Logf("%s of %s inside the host: %d passed, %d failed, %d skipped", g.Package, g.Module, tests.count("pass"), tests.count("fail"), tests.count("skip"))
	if tests.count("pass")+tests.count("fail") == 0 {
		t.Error("no test ran")
	}
	if result.Code != 0 {
		t.Errorf("the test binary ended with exit code %d\n%s\n%s", result.Code, tests.output(""), result.Stderr)
	}
}

// GoBench builds a package's tests, runs the benchmarks that match pattern inside the host, each count times, and
// returns the time of one operation by the benchmark's name.
func (h *Host) GoBench(t testing.TB, g GoTest, pattern string, count int) map[string]time.Duration {
	t.Helper()
	binary := h.testBinary(t, g)
	g.Run = "^$"
	argv := append(g.commandLine(binary), "-test.bench="+pattern, fmt.Sprintf("-test.benchtime=%dx", count))
	out := map[string]time.Duration{}
	for line := range strings.Lines(h.Output(t, argv...)) {
		// BenchmarkStart/bash-2   20   1234567 ns/op
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[3] != "ns/op" {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(fields[0], "Benchmark"), "-")
		nanoseconds, err := strconv.ParseFloat(fields[2], 64)
		if err != nil {
			t.Fatalf("read %q: %v", line, err)
		}
		out[name] = time.Duration(nanoseconds)
	}
	return out
}

// testBinary returns where the host has the tests of a package: they are built and brought once.
func (h *Host) testBinary(t testing.TB, g GoTest) string {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	key := g.Module + " " + g.Package
	if h.tests[key] == "" {
		binary := path.Join(testDir, newID())
		h.Push(t, g.build(t), binary)
		h.tests[key] = binary
	}
	return h.tests[key]
}

func (g GoTest) build(t testing.TB) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "tests")
	command := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", out, g.Package)
	command.Dir = g.Module
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build the tests of %s in %s: %v\n%s", g.Package, g.Module, err, text)
	}
	if _, err := os.Stat(out); err != nil {
		t.Fatalf("%s in %s has no tests", g.Package, g.Module)
	}
	return out
}

func (g GoTest) commandLine(binary string) []string {
	argv := []string{"env", "-C", "/tmp"}
	for name, value := range g.Environment {
		argv = append(argv, name+"="+value)
	}
	argv = append(argv, binary, "-test.v=test2json")
	if g.Run != "" {
		argv = append(argv, "-test.run="+g.Run)
	}
	if g.User != "" {
		argv = As(g.User, argv...)
	}
	return argv
}

// event as go tool test2json prints it.
type event struct {
	Action, Test, Output string
	Elapsed              float64
}

func decode(t *testing.T, text string) ([]event, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "tool", "test2json")
	command.Stdin = strings.NewReader(text)
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go tool test2json: %w", err)
	}
	var events []event
	for line := range bytes.Lines(out) {
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// results of tests, in their order.
type results struct {
	order  []string
	tests  map[string]*event // Action is the last one, Output all of it
	unsaid string            // output of no test
}

func group(events []event) *results {
	out := &results{tests: map[string]*event{}}
	for _, e := range events {
		if e.Test == "" {
			out.unsaid += e.Output
			continue
		}
		test := out.tests[e.Test]
		if test == nil {
			test = &event{Test: e.Test}
			out.tests[e.Test] = test
			out.order = append(out.order, e.Test)
		}
		test.Output += e.Output
		switch e.Action {
		case "pass", "fail", "skip":
			test.Action, test.Elapsed = e.Action, e.Elapsed
		}
	}
	return out
}

func (r *results) count(action string) int {
	n := 0
	for _, test := range r.tests {
		if test.Action == action {
			n++
		}
	}
	return n
}

// output is what all tests whose names begin with prefix printed, and what belongs to none.
func (r *results) output(prefix string) string {
	out := r.unsaid
	for _, name := range r.order {
		if strings.HasPrefix(name, prefix) {
			out += r.tests[name].Output
		}
	}
	return out
}

// replay reports the tests below parent as subtests of t.
func (r *results) replay(t *testing.T, parent string) {
	for _, name := range r.order {
		above, own := "", name
		if at := strings.LastIndexByte(name, '/'); at >= 0 {
			above, own = name[:at], name[at+1:]
		}
		if above != parent {
			continue
		}
		test := r.tests[name]
		t.Run(own, func(t *testing.T) {
			t.Log("\n" + test.Output)
			r.replay(t, name)
			switch test.Action {
			case "fail":
				t.Fail()
			case "skip":
				t.SkipNow()
			case "":
				t.Error("the test did not come to its end")
			}
		})
	}
}
