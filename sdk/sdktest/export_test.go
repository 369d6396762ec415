package sdktest

import "github.com/left4me/left4me/sdk"

// CheckBuilder runs the in-process checks of a builder that have the id.
func CheckBuilder(t T, id string, spec BuilderSpec) {
	run := &builderRun{way: way{spec.Subject, sdk.KindBuilder, false}, spec: spec}
	runOne(t, id, builderChecks(), run)
}

// CheckMounter runs the in-process checks of a mounter that have the id.
func CheckMounter(t T, id string, spec MounterSpec) {
	run := &mounterRun{way: way{spec.Subject, sdk.KindMounter, false}, spec: spec}
	runOne(t, id, mounterChecks(), run)
}

// CheckProcess runs the checks of a builder's process that have the id.
func CheckProcess(t T, id string, command Command) {
	w := way{Subject{Command: &command}, sdk.KindBuilder, true}
	runOne(t, id, append(processChecks[way](), baseChecks[way]()...), w)
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
