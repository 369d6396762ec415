package host_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/test/hostrig"
)

// releases are the systems that a host may have.
func releases() []string { return []string{"bookworm", "trixie"} }

// provision runs the one documented command and returns what it printed.
func provision(t *testing.T, h *hostrig.Host, flags ...string) string {
	t.Helper()
	return h.Output(t, append([]string{treeDir + "/deploy/provision"}, flags...)...)
}

const nothing = "Nothing to change"

// One command makes a fresh host, a second run changes nothing, and neither touches what a running server uses (S1).
func TestS01ProvisionFromNothing(t *testing.T) {
	for _, release := range releases() {
		t.Run(release, func(t *testing.T) {
			h := hostrig.Boot(t, hostrig.Options{Release: release})
			h.Internet(t)
			bring(t, h)
			began := time.Now()
			first := provision(t, h)
			t.Logf("S1: a fresh %s is a host of left4me after %.1f s, %d changes", release, time.Since(began).Seconds(), strings.Count(first, "\n"))
			if second := provision(t, h); !strings.HasPrefix(second, nothing) {
				t.Errorf("the second run changes something:\n%s", second)
			}
			testUnitsRun(t, h)
			testPrivilegeIsLittle(t, h)
			testDoctorIsContent(t, h)
			for name, test := range map[string]func(*testing.T, *hostrig.Host){"firewall": testFirewall, "sysctl": testSysctl, "game cores": testGameCores} {
				t.Run(name, func(t *testing.T) { test(t, h) })
			}
		})
	}
}

func testUnitsRun(t *testing.T, h *hostrig.Host) {
	t.Helper()
	for _, unit := range []string{"left4me-agent.service", "left4me-web.service", "left4me-plugin-mounter-kernel.socket"} {
		if is := h.Properties(t, unit, "ActiveState", "UnitFileState"); is["ActiveState"] != "active" || is["UnitFileState"] != "enabled" {
			t.Errorf("%s: %v", unit, is)
		}
	}
	if page, code := try(t, h, "curl", "-sS", "-L", "http://127.0.0.1:27080/"); code != 0 || !strings.Contains(page, "<html") {
		t.Errorf("the panel answers %q, exit code %d", page, code)
	}
}

var exposure = regexp.MustCompile(`Overall exposure level for \S+: (\d+\.\d)`)

// The limits are the project's own; what is left open stands in docs/explanation/privilege.md.
func testPrivilegeIsLittle(t *testing.T, h *hostrig.Host) {
	t.Helper()
	for unit, most := range map[string]string{
		"left4me-agent.service": "2.0", "left4me-web.service": "2.0", "left4me-plugin-overlay-script@x.service": "2.0",
		"left4me-plugin-overlay-workshop@x.service": "2.0", "left4me-plugin-game-steamcmd@x.service": "2.2", "left4me-plugin-mounter-kernel@x.service": "4.5",
	} {
		text := h.Output(t, "systemd-analyze", "security", "--no-pager", unit)
		found := exposure.FindStringSubmatch(text)
		if found == nil || len(found[1]) != 3 || found[1] >= most {
			t.Errorf("%s: exposure %v, must be below %s", unit, found, most)
			continue
		}
		t.Logf("exposure of %s: %s", unit, found[1])
	}
	for _, unit := range []string{"left4me-agent.service", "left4me-web.service"} {
		status := h.Output(t, "sh", "-c", "cat /proc/$(systemctl show --property=MainPID --value "+unit+")/status")
		for _, want := range []string{"NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000"} {
			if !strings.Contains(status, want+"\n") {
				t.Errorf("%s: no %q in\n%s", unit, want, status)
			}
		}
	}
}

// findings of doctor that a container has and a host has not, and that a fresh host has no game.
var ofContainers = regexp.MustCompile(`^warn  (cgroups|disk|kernel|config   The installation) `)

func testDoctorIsContent(t *testing.T, h *hostrig.Host) {
	t.Helper()
	text, code := try(t, h, "left4me", "doctor")
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "fail") || (strings.HasPrefix(line, "warn") && !ofContainers.MatchString(line)) {
			t.Errorf("doctor: %s", line)
		}
	}
	if code != 0 {
		t.Errorf("doctor ends with %d:\n%s", code, text)
	}
}
