package sdktest

import (
	"google.golang.org/grpc"

	"github.com/left4me/left4me/sdk"
)

// Wrap stands between the checks and a plugin.
type Wrap = func(grpc.ClientConnInterface) grpc.ClientConnInterface

// CheckBuilder runs the in-process checks of a builder that have the id.
func CheckBuilder(t T, id string, spec BuilderSpec, wrap ...Wrap) {
	w := way{subject: spec.Subject, kind: sdk.KindBuilder}
	for _, f := range wrap {
		w.wrap = f
	}
	runOne(t, id, builderChecks(), &builderRun{way: w, spec: spec})
}

// CheckMounter runs the in-process checks of a mounter that have the id.
func CheckMounter(t T, id string, spec MounterSpec, wrap ...Wrap) {
	w := way{subject: spec.Subject, kind: sdk.KindMounter}
	for _, f := range wrap {
		w.wrap = f
	}
	runOne(t, id, mounterChecks(), &mounterRun{way: w, spec: spec})
}

// CheckProcess runs the checks of a builder's process that have the id.
func CheckProcess(t T, id string, spec BuilderSpec) {
	w := way{subject: spec.Subject, kind: sdk.KindBuilder, process: true}
	runOne(t, id, builderChecks(), &builderRun{way: w, spec: spec})
}

func runOne[S any](t T, id string, checks []check[S], subject S) {
	found := false
	for _, c := range checks {
		if c.id == id {
			found = true
			c.run(t, subject)
		}
	}
	if !found {
		t.Skipf("there is no check %s", id)
	}
}

// Logged returns what is kept of a log that was written in pieces.
func Logged(pieces ...[]byte) string {
	var r processRunner
	for _, piece := range pieces {
		_, _ = r.Write(piece)
	}
	return r.logged()
}
