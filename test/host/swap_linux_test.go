package host_test

import (
	"strings"
	"testing"

	"github.com/left4me/left4me/test/hostrig"
)

// testSwap puts another mounter into its unit while a server runs, and back again. Whoever is not root is only told how.
func testSwap(t *testing.T, h *hostrig.Host) {
	const own, unit = "/usr/lib/left4me/plugins/mounter-kernel", "left4me-plugin-mounter-kernel@.service"
	_, before := awaitRunning(t, h)
	// The same program with some bytes more, which ELF allows.
	h.Output(t, "sh", "-c", "cp "+own+" /var/tmp/other && echo other >>/var/tmp/other")
	told, code := try(t, h, "runuser", "-u", "left4me", "--", "left4me", "plugin", "swap", "mounter-kernel", "/var/tmp/other", "--yes")
	if code != 4 || !strings.Contains(told, "install -D -m 0755 '/var/tmp/other'") || !strings.Contains(told, "Only root may") {
		t.Errorf("who is not root: exit code %d\n%s", code, told)
	}
	if program := mounterProgram(t, h); program != own {
		t.Fatalf("it runs %s", program)
	}
	swapped := h.Output(t, "left4me", "plugin", "swap", "mounter-kernel", "/var/tmp/other", "--yes")
	for _, want := range []string{unit, "left4me-mounter", "/etc/systemd/system/" + unit + ".d/90-left4me-swap.conf"} {
		if !strings.Contains(swapped, want) {
			t.Errorf("%q is not in\n%s", want, swapped)
		}
	}
	h.Output(t, "left4me", "plugin", "restart", "mounter-kernel")
	await(t, "the other program mounts", func() (bool, string) {
		program := mounterProgram(t, h)
		return strings.HasPrefix(program, "/usr/local/lib/left4me/plugins/mounter-kernel-"), program
	})
	h.Output(t, "left4me", "server", "restart", "demo")
	_, after := awaitRunning(t, h)
	if after == before {
		t.Error("the server was not started anew")
	}
	h.Output(t, "left4me", "plugin", "swap", "mounter-kernel", "--back")
	h.Output(t, "left4me", "plugin", "restart", "mounter-kernel")
	await(t, "its own program mounts again", func() (bool, string) {
		program := mounterProgram(t, h)
		return program == own, program
	})
	if _, now := awaitRunning(t, h); now != after {
		t.Error("the game was restarted")
	}
	h.Output(t, "rm", "-r", "/etc/systemd/system/"+unit+".d", "/usr/local/lib/left4me", "/var/tmp/other")
}

// mounterProgram is the program that the mounter's process runs, "" while there is none.
func mounterProgram(t *testing.T, h *hostrig.Host) string {
	t.Helper()
	out, _ := try(t, h, "sh", "-c", `pid=$(systemctl show --property=MainPID --value 'left4me-plugin-mounter-kernel@*.service' | grep -v '^0*$' | tail -n 1) && readlink "/proc/$pid/exe"`)
	return out
}
