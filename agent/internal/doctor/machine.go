package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Oldest versions that left4me is tested with: those of Debian 12.
const (
	oldestSystemd = 252
	oldestKernel  = 6
)

func (e *examination) kernel(context.Context) {
	release := strings.TrimSpace(e.read("/proc/sys/kernel/osrelease"))
	major, _, _ := strings.Cut(release, ".")
	if n, err := strconv.Atoi(major); err == nil && n >= oldestKernel {
		e.ok("Linux %s", release)
	} else {
		e.warn("Use Linux 6.1 or newer, as Debian 12 has.", "Linux %s is older than what left4me is tested with.", release)
	}
	if strings.Contains(e.read("/proc/filesystems"), "\toverlay\n") {
		e.ok("overlayfs is there")
	} else {
		e.fail("Run: modprobe overlay; if that fails, install a kernel that has it.", "The kernel has no overlayfs, so no server can be mounted.")
	}
	for name, why := range map[string]string{"protected_hardlinks": "hard", "protected_symlinks": "symbolic"} {
		if value := strings.TrimSpace(e.read("/proc/sys/fs/" + name)); value == "0" {
			e.warn("Run: sysctl fs."+name+"=1", "fs.%s is off, so users can make %s links to files of others.", name, why)
		}
	}
}

func (e *examination) cgroups(context.Context) {
	controllers := e.read("/sys/fs/cgroup/cgroup.controllers")
	if controllers == "" {
		e.warn("Boot with systemd.unified_cgroup_hierarchy=1.", "This host has cgroups of version 1: limits of memory and tasks may not hold.")
		return
	}
	var missing []string
	for _, name := range []string{"cpu", "memory", "pids", "io"} {
		if !strings.Contains(" "+strings.TrimSpace(controllers)+" ", " "+name+" ") {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		e.warn("Boot with these controllers on, for example with cgroup_enable=memory.", "The cgroup controllers %s are missing: their limits do not hold.", strings.Join(missing, ", "))
		return
	}
	e.ok("cgroups of version 2 with cpu, memory, pids and io")
}

func (e *examination) systemd(ctx context.Context) {
	if _, err := e.stat("/run/systemd/system"); err != nil {
		e.fail(`Use a host that was booted with systemd, or "left4me demo" to look around.`, "systemd is not the init system of this host.")
		return
	}
	out, err := e.Run(ctx, "systemctl", "--version")
	var version int
	if _, scanErr := fmt.Sscanf(out, "systemd %d", &version); err != nil || scanErr != nil {
		e.fail("Look into: systemctl status", "systemd does not answer.")
		return
	}
	if version < oldestSystemd {
		e.warn("Use Debian 12 or newer.", "systemd %d is older than %d; parts of the hardening are ignored by it.", version, oldestSystemd)
		return
	}
	e.ok("systemd %d", version)
}

// rules let the agent start servers, and the script plugin sandboxes.
func rules() []string {
	return []string{"/usr/share/polkit-1/rules.d/50-left4me-server.rules", "/usr/share/polkit-1/rules.d/50-left4me-sandbox.rules"}
}

func (e *examination) polkit(ctx context.Context) {
	if out, _ := e.Run(ctx, "systemctl", "show", "--property=LoadState", "--value", "polkit.service"); strings.TrimSpace(out) != "loaded" {
		e.fail("Run: apt-get install polkitd", "polkit is not installed, so the agent cannot start servers.")
		return
	}
	before := e.count()
	for _, rule := range rules() {
		if info, err := e.stat(rule); err != nil {
			e.fail(provisionHint, "The polkit rule %s is missing.", rule)
		} else if info.Mode().Perm()&0o022 != 0 || owner(info) != 0 {
			e.fail("Run: chown root: "+rule+"; chmod 644 "+rule, "Others than root can change the polkit rule %s.", rule)
		}
	}
	if e.count() == before {
		e.ok("polkit with the rules for servers and sandboxes")
	}
}
