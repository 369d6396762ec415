package host_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/test/hostrig"
)

// A script overlay is built on a provisioned host: by the agent, the plugin and the sandbox as their own users, with
// what it downloads from the internet, and without what it must not get at. Shows S9, S10, S11 and S12.
func TestScriptOverlayOnAProvisionedHost(t *testing.T) {
	for _, release := range releases() {
		t.Run(release, func(t *testing.T) {
			h := hostrig.Boot(t, hostrig.Options{Release: release})
			internet := h.Internet(t)
			internet.Serve(t, "maps.example", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "a map") }))
			bring(t, h)
			// No server runs here, so any supervisor will do. Provisioning keeps what an operator wrote.
			settings, err := os.ReadFile(filepath.Join(deployDir, "config/agent.hcl"))
			if err != nil {
				t.Fatal(err)
			}
			h.Put(t, "/etc/left4me/agent.hcl", regexp.MustCompile(`supervisor *= *"systemd"`).ReplaceAll(settings, []byte(`supervisor = "process"`)), 0o640)
			provision(t, h)
			plugin := h.Output(t, "left4me", "plugin", "show", "overlay-script")
			if !strings.Contains(plugin, "sandbox: systemd\n") {
				t.Errorf("the plugin's health:\n%s", plugin)
			}
			h.Put(t, "/root/attack.sh", []byte(attackScript), 0o644)
			built, code := try(t, h, "left4me", "overlay", "create", "maps", "--type", "overlay-script", "--script", "/root/attack.sh", "--build")
			if code != 0 || strings.Contains(built, "BROKEN") || !strings.Contains(built, "attacks are over") {
				t.Errorf("exit code %d\n%s\n%s", code, built, h.Output(t, "journalctl", "-u", "left4me-plugin-overlay-script@*", "-u", "left4me-sandbox@*", "-n", "40", "--no-pager"))
			}
			found := h.Output(t, "find", "/var/lib/left4me/content/overlays", "-name", "maps.vpk", "-exec", "cat", "{}", ";")
			if found != "a map" {
				t.Errorf("the overlay has %q", found)
			}
			if left := h.Output(t, "systemctl", "list-units", "--all", "--plain", "--no-legend", "left4me-sandbox@*"); left != "" {
				t.Errorf("units are left:\n%s", left)
			}
			testFailsClosed(t, h)
		})
	}
}

// restartAgent restarts the agent, and the plugins with it, and returns when the script plugin has tried its sandbox.
func restartAgent(t *testing.T, h *hostrig.Host) {
	t.Helper()
	h.Output(t, "systemctl", "restart", "left4me-agent.service")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		plugin, code := try(t, h, "left4me", "plugin", "show", "overlay-script")
		if code == 0 && strings.Contains(plugin, "egress: ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the plugin is not ready after a minute:\n%s", plugin)
		}
	}
}

// testFailsClosed breaks the unit in ways that an administrator might, and sees that no script runs then.
func testFailsClosed(t *testing.T, h *hostrig.Host) {
	t.Helper()
	const dropIn = "/etc/systemd/system/left4me-sandbox@.service.d/broken.conf"
	h.Put(t, "/root/harmless.sh", []byte("#!/bin/bash\ntouch file\n"), 0o644)
	for name, c := range map[string]struct{ setting, want string }{
		"allowed":  {"IPAddressAllow=any", "IPAddressAllow="},
		"open":     {"IPAddressDeny=", "could reach"},
		"too open": {"IPAddressDeny=\nIPAddressDeny=10.0.0.0/8", "could reach"},
		"no root":  {"RootDirectory=/nonexistent", "could not start"},
		"no tree":  {"ExecStart=\nExecStart=/bin/true", "without a report"},
	} {
		h.Put(t, dropIn, []byte("[Service]\n"+c.setting+"\n"), 0o644)
		h.Output(t, "systemctl", "daemon-reload")
		restartAgent(t, h)
		out, code := try(t, h, "left4me", "overlay", "create", "never-"+strings.ReplaceAll(name, " ", "-"), "--type", "overlay-script", "--script", "/root/harmless.sh", "--build")
		plugin, _ := try(t, h, "left4me", "plugin", "show", "overlay-script")
		if code == 0 || !strings.Contains(out+plugin, c.want) {
			t.Errorf("%s: exit code %d\n%s\n%s", name, code, out, plugin)
		}
	}
	h.Output(t, "rm", dropIn)
	h.Output(t, "systemctl", "daemon-reload")
	restartAgent(t, h)
	if out, code := try(t, h, "left4me", "overlay", "create", "mended", "--type", "overlay-script", "--script", "/root/harmless.sh", "--build"); code != 0 {
		t.Errorf("after it was mended: exit code %d\n%s", code, out)
	}
}

const attackScript = `#!/bin/bash
for file in /var/lib/left4me/agent/agent.db /var/lib/left4me-web/panel.db /etc/left4me/agent.hcl /etc/shadow /run/left4me/agent.sock; do
  [ ! -e "$file" ] || cat "$file" >/dev/null 2>&1 && [ -e "$file" ] && echo "BROKEN $file"
done
timeout 3 bash -c 'exec 3<>/dev/tcp/127.0.0.1/27080' 2>/dev/null && echo BROKEN panel
curl -sS --max-time 3 http://` + hostrig.PrivateAddress + `/ && echo BROKEN private
curl -sS --max-time 3 http://` + hostrig.HostAddress + `:27080/ && echo BROKEN own address
mkdir -p left4dead2/addons
curl -fsS --max-time 20 https://maps.example/maps.vpk -o left4dead2/addons/maps.vpk || exit 1
echo attacks are over
`
