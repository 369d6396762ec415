package host_test

import (
	"testing"

	"github.com/left4me/left4me/test/hostrig"
)

// BenchmarkScriptStart measures an empty script from its start to its end, in each sandbox, beside a plain shell and a
// unit that systemd-run makes, in one run inside one booted host.
func BenchmarkScriptStart(b *testing.B) {
	h := sandboxHost(b, "bookworm")
	// For the comparison alone: who may do this is as good as root.
	h.Put(b, "/etc/polkit-1/rules.d/00-measure.rules", []byte(`polkit.addRule(function (action, subject) {
	return subject.user === "`+scriptUser+`" ? polkit.Result.YES : polkit.Result.NOT_HANDLED;
});`), 0o644)
	h.Output(b, "systemctl", "try-restart", "polkit.service")
	found := h.GoBench(b, hostrig.GoTest{
		Module: scripts, Package: "./internal/systemd", User: scriptUser, Environment: map[string]string{"LEFT4ME_TEST_HOST": "1", "HOME": "/tmp"},
	}, "^BenchmarkStart$", 30)
	plain := found["Start/bash"]
	if plain == 0 {
		b.Fatalf("no measurement of a plain shell: %v", found)
	}
	for name, took := range found {
		b.ReportMetric(float64(took.Microseconds())/1000, name[len("Start/"):]+"-ms")
		b.Logf("%-22s %8.1f ms  %6.1f times a plain shell", name[len("Start/"):], float64(took.Microseconds())/1000, float64(took)/float64(plain))
	}
	for b.Loop() {
	}
}
