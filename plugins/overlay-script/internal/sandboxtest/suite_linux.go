package sandboxtest

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
)

// Options of a sandbox that tests ask for. What a backend does not know it ignores.
type Options struct {
	Ports   []uint16 // that a relay serves
	Network sandbox.Network
}

// Backend is a kind of sandbox under test.
type Backend struct {
	// New makes a sandbox, filtered unless the options say otherwise, or skips the test.
	New func(t testing.TB, o Options) sandbox.Sandbox
	// Tree makes a tree that scripts can write, and the id of the run that it is for.
	Tree func(t testing.TB) (id, dir string)
	// User is whom scripts run as on the host when the tests are root; 0 means that the tests are that user.
	User uint32
	// KernelMemory is a limit that the kernel keeps over all processes of a run together, or 0 if there is none.
	KernelMemory func(report sandbox.Report) uint64
	// Redo is how often a run is canceled or its plugin killed, at ever later moments; Step is the time between them,
	// in microseconds.
	Redo, Step int
}

type suite struct{ backend Backend }

// Run runs all tests of the suite. The test binary must call Hold in TestMain.
func Run(t *testing.T, backend Backend) {
	s := suite{backend}
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"EscapeFiles", s.escapeFiles},
		{"EscapeProcesses", s.escapeProcesses},
		{"EscapeFilterLeavesOrdinaryProgramsAlone", s.escapeFilterLeavesOrdinaryProgramsAlone},
		{"Escape32BitProgram", s.escape32BitProgram},
		{"EscapeResources", s.escapeResources},
		{"EscapeNothingOnCommandLines", s.escapeNothingOnCommandLines},
		{"EscapeSystemCalls", s.escapeSystemCalls},
		{"EscapeNetwork", s.escapeNetwork},
		{"RunChangesTheTreeAndReportsBothStreams", s.runChangesTheTreeAndReportsBothStreams},
		{"RunTellsEndingsApart", s.runTellsEndingsApart},
		{"RunDoesNotSucceedAfterLosingAProcessForMemory", s.runDoesNotSucceedAfterLosingAProcessForMemory},
		{"RunIsCanceledWithin2Seconds", s.runIsCanceledWithin2Seconds},
		{"RunRefusesWhatCannotBeSetUp", s.runRefusesWhatCannotBeSetUp},
		{"RunLeavesNothingBehind", s.runLeavesNothingBehind},
		{"RunDiesWithThePlugin", s.runDiesWithThePlugin},
		{"RunCanceledAtAnyMomentLeavesNothing", s.runCanceledAtAnyMomentLeavesNothing},
		{"RunWithPluginKilledAtAnyMomentLeavesNothing", s.runWithPluginKilledAtAnyMomentLeavesNothing},
		{"RunGivesAThrowAwayTree", s.runGivesAThrowAwayTree},
	} {
		t.Run(test.name, test.run)
	}
}

// Result of a script that a test ran.
type Result struct {
	sandbox.Outcome
	Out, Err string
	Notes    []string
}

// Try runs a script in a sandbox of the backend.
func Try(t *testing.T, backend Backend, s sandbox.Sandbox, script string) Result {
	t.Helper()
	b := (&box{Sandbox: s, backend: backend}).another(t)
	got := b.run(script)
	return Result{got.Outcome, got.out, got.err, got.notes}
}

// Unbroken fails the test when an attacking script printed BROKEN, or did not print "end" at its end.
func Unbroken(t *testing.T, got Result) {
	t.Helper()
	unbroken(t, result{Outcome: got.Outcome, out: got.Out, err: got.Err})
}

type announcer struct{ recorder }

// Output implements sandbox.Sink.
func (a *announcer) Output(_ sandbox.Stream, data []byte) { _, _ = os.Stdout.Write(data) }

// Hold never returns in a process that the suite started to hold a script until it is killed. TestMain calls it with
// how the backend makes a sandbox.
func Hold(open func() (sandbox.Sandbox, error)) {
	if os.Getenv("LEFT4ME_TEST_ROLE") != "holder" {
		return
	}
	s, err := open()
	if err == nil {
		_, err = s.Run(context.Background(), sandbox.Spec{
			ID: os.Getenv("LEFT4ME_TEST_ID"), Interpreter: []string{"/bin/bash", "--rcfile", "/31415.3"}, Dir: os.Getenv("LEFT4ME_TEST_TREE"), Network: true,
			Script: []byte("setsid sleep 31415.3 & setsid sleep 31415.3 & sleep 0.2; echo running; wait"),
			Limits: sandbox.Limits{Memory: 256 << 20, Tasks: 50, TmpSize: 1 << 20},
		}, &announcer{})
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// Bench measures a run of an empty script.
func Bench(b *testing.B, backend Backend) {
	s := backend.New(b, Options{Ports: []uint16{80, 443}})
	id, tree := backend.Tree(b)
	for b.Loop() {
		outcome, err := s.Run(context.Background(), sandbox.Spec{
			ID: id, Interpreter: []string{"/bin/bash"}, Dir: tree, Network: true, Script: []byte("true"),
			Limits: sandbox.Limits{Memory: 256 << 20, Tasks: 50, TmpSize: 1 << 20},
		}, &recorder{})
		if err != nil || outcome.Ending != sandbox.Exited || outcome.ExitCode != 0 {
			b.Fatal(outcome, err)
		}
	}
}

// A probe has no staging tree.
func (s suite) runGivesAThrowAwayTree(t *testing.T) {
	b := s.box(t, Options{})
	for range 2 {
		got := b.run(`pwd; ls -A; echo content > file; cat file`, func(spec *sandbox.Spec) { spec.Dir = "" })
		if got.out != "/overlay\ncontent\n" || got.Ending != sandbox.Exited {
			t.Errorf("%+v, %q, %q", got.Outcome, got.out, got.err)
		}
	}
}
