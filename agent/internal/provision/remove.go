package provision

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/left4me/left4me/agent/internal/fault"
)

// Remove ends everything of left4me on this host: servers, builds, agent, panel, plugins, mounts, and files that a tree
// installed. Notes of the report say what is kept: databases, content, configuration, users.
func Remove(ctx context.Context) (Report, error) {
	h := &host{ctx: ctx, root: "/"}
	if err := h.check(); err != nil {
		return h.report, err
	}
	if err := h.readRecord(); err != nil {
		return h.report, err
	}
	err := h.remove()
	return h.report, err
}

func (h *host) remove() error {
	// The agent first, so that it takes the end of a server for no crash, then what it would start again.
	for _, group := range [][]string{
		{"left4me-web.service", "left4me-agent.service"},
		{"left4me-server@*.service", "left4me-sandbox@*.service"},
		{"left4me-plugin-*.socket", "left4me-plugin-*.service", "left4me-sandbox-egress.service"},
	} {
		if err := h.run("systemctl", append([]string{"stop"}, group...)...); err != nil {
			return err
		}
	}
	if err := h.unmount(); err != nil {
		return err
	}
	for _, u := range units() {
		if enabled, _ := h.output("systemctl", "is-enabled", u.name); strings.TrimSpace(enabled) == "enabled" {
			h.changed(u.name + " (disabled)")
			if err := h.run("systemctl", "disable", "--quiet", u.name); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(h.drop(gamePin), h.drop(buildPin), h.removeFiles()); err != nil {
		return err
	}
	h.note("Kept: /etc/left4me (configuration), /var/lib/left4me and /var/lib/left4me-web (databases, servers, content), /var/cache/left4me, users and groups.")
	h.note("To remove them too: rm -rf --one-file-system /etc/left4me /var/lib/left4me /var/lib/left4me-web /var/cache/left4me /run/left4me")
	h.record.Units = map[string]string{}
	return errors.Join(h.writeRecord(), h.run("systemctl", "daemon-reload"))
}

// removeFiles removes what a tree installed and nobody changed. A package's files are the package manager's.
func (h *host) removeFiles() error {
	paths := make([]file, 0, len(h.record.Files))
	for path, sum := range h.record.Files {
		paths = append(paths, file{to: path})
		if err := h.uninstallFile(path, sum); err != nil {
			return err
		}
	}
	ours := directories(paths)
	slices.Reverse(ours)
	for _, dir := range ours {
		if strings.Contains(dir, "left4me") {
			_ = os.Remove(h.path(dir)) // only when it is empty
		}
	}
	return nil
}

// unmount ends the trees, which the agent leaves mounted when it ends.
func (h *host) unmount() error {
	data, err := os.ReadFile(h.path("/proc/self/mountinfo"))
	if err != nil {
		return err
	}
	mounts := mountsBelow(string(data), "/var/lib/left4me/content")
	for _, mount := range mounts {
		if err := h.run("umount", mount); err != nil {
			return fault.Wrap(err, fault.Precondition, "%s is still in use.", mount).
				WithHint("See by whom with: fuser -vm %s; end it and run this again.", mount)
		}
		h.changed(mount + " (unmounted)")
	}
	return nil
}

// mountsBelow returns the overlayfs mounts below dir from proc_pid_mountinfo(5), the last made first. Disks that an
// administrator mounted there stay.
func mountsBelow(mountinfo, dir string) []string {
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var out []string
	for line := range strings.Lines(mountinfo) {
		fields := strings.Fields(line)
		dash := slices.Index(fields, "-")
		if dash < 5 || dash+1 >= len(fields) || fields[dash+1] != "overlay" {
			continue
		}
		point := unescape.Replace(fields[4])
		if below, ok := strings.CutPrefix(point, dir+string(filepath.Separator)); ok && below != "" {
			out = append(out, point)
		}
	}
	slices.Reverse(out)
	return out
}
