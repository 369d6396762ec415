package host_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/left4me/left4me/test/hostrig"
)

const (
	deployDir  = "../../deploy"
	scriptUser = "left4me-script"
	scripts    = "../../plugins/overlay-script"
)

// sandboxHost boots a host with the script sandbox as deploy/ has it, and nothing else of left4me.
func sandboxHost(t testing.TB, release string) *hostrig.Host {
	t.Helper()
	h := hostrig.Boot(t, hostrig.Options{Release: release})
	for from, to := range map[string]string{
		"systemd/left4me-sandbox@.service":        "/usr/lib/systemd/system/left4me-sandbox@.service",
		"systemd/left4me-sandbox@probe.service.d": "/usr/lib/systemd/system/left4me-sandbox@probe.service.d",
		"systemd/left4me-sandbox-egress.service":  "/usr/lib/systemd/system/left4me-sandbox-egress.service",
		"systemd/left4me-build-script.slice":      "/usr/lib/systemd/system/left4me-build-script.slice",
		"polkit-1/rules.d":                        "/usr/share/polkit-1/rules.d",
		"tmpfiles.d/left4me-sandbox.conf":         "/usr/lib/tmpfiles.d/left4me-sandbox.conf",
		"libexec":                                 "/usr/lib/left4me",
	} {
		h.Push(t, filepath.Join(deployDir, from), to)
	}
	h.Push(t, program(t, scripts, "."), "/usr/lib/left4me/plugins/overlay-script")
	h.Output(t, "groupadd", "--system", "left4me-build")
	h.Output(t, "useradd", "--system", "--gid", "left4me-build", scriptUser)
	h.Output(t, "systemd-tmpfiles", "--create", "left4me-sandbox.conf")
	// In production it is the mounter's. Here the tests make staging trees.
	h.Output(t, "install", "-d", "-o", scriptUser, "/var/lib/left4me/content/builds")
	h.Output(t, "systemctl", "daemon-reload")
	return h
}

// program builds a program of a module.
func program(t testing.TB, module, pkg string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "program")
	command := exec.CommandContext(t.Context(), "go", "build", "-o", out, pkg)
	command.Dir, command.Env = module, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build %s in %s: %v\n%s", pkg, module, err, text)
	}
	return out
}

// The attacks of every sandbox, in a unit of systemd, as the user of production: shows S9, S10 and S11.
func TestSandboxOfSystemd(t *testing.T) {
	for _, release := range []string{"bookworm", "trixie"} {
		t.Run(release, func(t *testing.T) {
			h := sandboxHost(t, release)
			t.Run("grade", func(t *testing.T) { testGrade(t, h) })
			t.Run("polkit", func(t *testing.T) { testPolkit(t, h) })
			t.Run("egress", func(t *testing.T) { testEgress(t, h) })
			// Less memory, so that using it up does not take the whole machine's.
			h.Put(t, "/etc/systemd/system/left4me-sandbox@.service.d/test.conf", []byte("[Service]\nMemoryMax=512M\n"), 0o644)
			h.Output(t, "systemctl", "daemon-reload")
			h.GoTest(t, hostrig.GoTest{
				Module: scripts, Package: "./internal/systemd", User: scriptUser, Environment: map[string]string{"LEFT4ME_TEST_HOST": "1"},
			})
			// A unit whose plugin was killed before it asked for anything gives up after ten seconds.
			h.Output(t, "timeout", "30", "/bin/bash", "-c", `while [ -n "$(systemctl list-units --all --plain --no-legend 'left4me-sandbox@*')$(ls /run/left4me-sandbox/runs)" ]; do sleep 0.1; done`)
		})
	}
}

// testGrade holds the unit against systemd's own list of hardening settings.
func testGrade(t *testing.T, h *hostrig.Host) {
	for unit, worst := range map[string]string{"left4me-sandbox@x.service": "20", "left4me-sandbox-egress.service": "20"} {
		h.Output(t, "systemd-analyze", "security", "--no-pager", "--threshold", worst, unit)
		if got := h.Output(t, "systemd-analyze", "verify", unit); strings.Contains(got, "left4me") {
			t.Errorf("%s: %s", unit, got)
		}
	}
	grade := h.Output(t, "/bin/sh", "-c", "systemd-analyze security --no-pager left4me-sandbox@x.service | tail -1")
	t.Log(grade)
	// The probe's list of what is shown must stay that of the unit, but for the tree.
	shown := func(unit string) string {
		out := h.Properties(t, unit, "BindReadOnlyPaths")["BindReadOnlyPaths"]
		return strings.NewReplacer("/runs/x:", "/runs/ID:", "/runs/probe:", "/runs/ID:").Replace(out)
	}
	if template, probe := shown("left4me-sandbox@x.service"), shown("left4me-sandbox@probe.service"); template != probe || !strings.Contains(template, "/usr") {
		t.Errorf("shown to scripts: %s\nshown to the probe: %s", template, probe)
	}
}

// testPolkit tries, as the plugin's user, what a plugin that is taken over would try.
func testPolkit(t *testing.T, h *hostrig.Host) {
	h.Put(t, "/etc/systemd/system/left4me-other.service", []byte("[Service]\nExecStart=/bin/sleep 1000\n"), 0o644)
	h.Output(t, "systemctl", "daemon-reload")
	systemctl := func(arguments ...string) []string {
		return hostrig.As(scriptUser, append([]string{"systemctl", "--no-ask-password"}, arguments...)...)
	}
	h.Output(t, systemctl("start", "left4me-sandbox@probe.service")...)
	for _, refused := range [][]string{
		systemctl("restart", "left4me-sandbox@probe.service"),
		systemctl("kill", "left4me-sandbox@probe.service"),
		systemctl("set-property", "--runtime", "left4me-sandbox@probe.service", "IPAddressAllow=any"),
		systemctl("set-property", "--runtime", "left4me-build-script.slice", "IPAddressDeny="),
		systemctl("start", "left4me-other.service"),
		systemctl("start", "left4me-sandbox@A.service"),
		systemctl("start", "left4me-sandbox@x.service.service"),
		systemctl("stop", "left4me-sandbox-egress.service"),
		systemctl("stop", "dbus.service"),
		systemctl("enable", "left4me-sandbox@x.service"),
		systemctl("daemon-reload"),
		systemctl("poweroff"),
		hostrig.As(scriptUser, "systemd-run", "--no-ask-password", "--unit", "left4me-sandbox@x.service", "id"),
		hostrig.As(scriptUser, "systemd-run", "--no-ask-password", "--property", "User=root", "id"),
		hostrig.As("nobody", "systemctl", "--no-ask-password", "start", "left4me-sandbox@y.service"),
		hostrig.As("nobody", "systemctl", "--no-ask-password", "stop", "left4me-sandbox@probe.service"),
	} {
		if got, err := h.Run(t.Context(), nil, refused...); err != nil || got.Code == 0 {
			t.Errorf("%q was done: %+v, %v", refused, got, err)
		}
	}
	if got := h.Output(t, "systemctl", "is-active", "left4me-sandbox@probe.service"); got != "active" {
		t.Errorf("the probe's unit is %s", got)
	}
	h.Output(t, systemctl("stop", "left4me-sandbox@probe.service")...)
}

// testEgress proves the filter from both sides: what a script reaches, and what hears nothing.
func testEgress(t *testing.T, h *hostrig.Host) {
	internet := h.Internet(t)
	v4, v6 := internet.Serve(t, "maps.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "http://"+hostrig.PrivateAddress+"/", http.StatusFound)
			return
		}
		fmt.Fprintln(w, "internet", r.URL.Path)
	}))
	heard := make(chan string, 100)
	for _, address := range []string{hostrig.HostAddress, hostrig.HostLANAddress, "[" + hostrig.HostAddressV6 + "]", "127.0.0.1"} {
		listener := h.Listen(t, "tcp", address+":80")
		go func() {
			for {
				connection, err := listener.Accept()
				if err != nil {
					return
				}
				heard <- address
				_ = connection.Close()
			}
		}()
	}
	h.Output(t, "/bin/sh", "-c", "echo 93.184.217.0/24 > /etc/left4me-denied; mkdir -p /etc/left4me; cp /etc/left4me-denied /etc/left4me/denied-networks; systemctl restart left4me-sandbox-egress")
	h.GoTest(t, hostrig.GoTest{
		Module: scripts, Package: "./internal/systemd", User: scriptUser, Run: "^TestInternet$",
		Environment: map[string]string{
			"LEFT4ME_TEST_HOST": "1", "LEFT4ME_TEST_INTERNET": v4.String(), "LEFT4ME_TEST_INTERNET6": v6.String(),
			"LEFT4ME_TEST_OWN": hostrig.HostAddress, "LEFT4ME_TEST_OWN6": hostrig.HostAddressV6, "LEFT4ME_TEST_LAN": hostrig.HostLANAddress,
			"LEFT4ME_TEST_PRIVATE": hostrig.PrivateAddress,
		},
	})
	if len(heard) > 0 {
		t.Errorf("a service of the host was reached at %s", <-heard)
	}
	// An address that comes later is denied as well, and a run waits until it is.
	h.Output(t, "ip", "address", "add", "93.184.218.7/32", "dev", "wan")
	h.GoTest(t, hostrig.GoTest{
		Module: scripts, Package: "./internal/systemd", User: scriptUser, Run: "^TestNewAddress$",
		Environment: map[string]string{"LEFT4ME_TEST_HOST": "1", "LEFT4ME_TEST_NEW": "93.184.218.7"},
	})
	if got := h.Properties(t, "left4me-build-script.slice", "IPAddressDeny")["IPAddressDeny"]; !strings.Contains(got, "93.184.218.7/32") || !strings.Contains(got, "93.184.217.0/24") {
		t.Errorf("denied: %s", got)
	}
}
