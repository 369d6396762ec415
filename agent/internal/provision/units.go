package provision

import (
	"os"
	"path/filepath"
	"strings"
)

// A unit is one that provisioning keeps enabled and running.
type unit struct {
	name string
	// from is everything that a running one was started from. When it changes, the unit is restarted; servers,
	// sandboxes and mounts are not among these units, and go on.
	from []string
}

func units() []unit {
	return []unit{
		{"left4me-plugin-mounter-kernel.socket", []string{unitDir + "/left4me-plugin-mounter-kernel.socket"}},
		{"left4me-plugin-overlay-script.socket", []string{unitDir + "/left4me-plugin-overlay-script.socket"}},
		{"left4me-plugin-overlay-workshop.socket", []string{unitDir + "/left4me-plugin-overlay-workshop.socket"}},
		{"left4me-plugin-game-steamcmd.socket", []string{unitDir + "/left4me-plugin-game-steamcmd.socket"}},
		{"left4me-sandbox-egress.service", []string{unitDir + "/left4me-sandbox-egress.service", "/usr/lib/left4me/deny-own-addresses"}},
		// The agent starts plugins, so it is also what takes up a new version of them.
		{"left4me-agent.service", []string{
			unitDir + "/left4me-agent.service", "/usr/bin/left4me", configDir + "/agent.hcl", configDir + "/mounter-kernel.json",
			"/usr/lib/left4me/plugins/",
			unitDir + "/left4me-plugin-mounter-kernel@.service",
			unitDir + "/left4me-plugin-overlay-script@.service", unitDir + "/left4me-plugin-overlay-workshop@.service",
			unitDir + "/left4me-plugin-game-steamcmd@.service",
		}},
		{"left4me-web.service", []string{unitDir + "/left4me-web.service", "/usr/bin/left4me-web", configDir + "/web.env"}},
	}
}

// units tells systemd what is new, and starts and enables what should run.
func (h *host) units() error {
	if err := h.reload(); err != nil {
		return err
	}
	for _, u := range units() {
		if _, err := os.Stat(h.path(u.from[0])); err != nil {
			continue // another package brings it, or none
		}
		if err := h.keep(u); err != nil {
			return err
		}
	}
	return nil
}

// reload makes systemd and polkit read their files again when a unit of ours changed.
func (h *host) reload() error {
	sum, err := h.fingerprint([]string{unitDir + "/left4me*", "/etc/systemd/system/left4me*.d/"})
	if err != nil {
		return err
	}
	needs, err := h.output("systemctl", "show", "--property=NeedDaemonReload", "--value", "left4me-agent.service", "left4me-web.service",
		"left4me.slice", "left4me-game.slice", "left4me-build.slice")
	if err != nil {
		return err
	}
	if h.record.Units["daemon-reload"] == sum && !strings.Contains(needs, "yes") {
		return nil
	}
	if err := h.run("systemctl", "daemon-reload"); err != nil {
		return err
	}
	h.record.Units["daemon-reload"] = sum
	// Done by systemd-modules-load at the next boot; now for this one. Built into the kernel is fine.
	if _, err := os.Stat(h.path("/sys/module/overlay")); err != nil {
		_ = h.run("modprobe", "overlay") // doctor says whether overlayfs is there
	}
	return nil
}

func (h *host) keep(u unit) error {
	sum, err := h.fingerprint(u.from)
	if err != nil {
		return err
	}
	// Both answer by exit status too; the word is what counts.
	enabled, _ := h.output("systemctl", "is-enabled", u.name)
	if strings.TrimSpace(enabled) == "masked" {
		h.note("%s is masked, so it was left alone.", u.name)
		return nil
	}
	if strings.TrimSpace(enabled) == "disabled" { // a static one is started by others
		h.changed(u.name + " (enabled)")
		if err := h.run("systemctl", "enable", "--quiet", u.name); err != nil {
			return err
		}
	}
	active, _ := h.output("systemctl", "is-active", u.name)
	if strings.TrimSpace(active) == "active" && h.record.Units[u.name] == sum {
		return nil
	}
	h.changed(u.name + " (started)")
	if err := h.run("systemctl", "restart", u.name); err != nil {
		return err
	}
	h.record.Units[u.name] = sum
	return nil
}

// fingerprint sums up files; a name with "*" is a pattern, one that ends in "/" all files of a directory. What is not
// there counts as that.
func (h *host) fingerprint(names []string) (string, error) {
	var text strings.Builder
	for _, name := range names {
		if strings.HasSuffix(name, "/") {
			name += "*"
		}
		found, err := filepath.Glob(h.path(name))
		if err != nil {
			return "", err
		}
		for _, path := range found {
			if info, err := os.Stat(path); err != nil || info.IsDir() {
				continue
			}
			sum, err := digestFile(path)
			if err != nil {
				return "", err
			}
			text.WriteString(path + " " + sum + "\n")
		}
	}
	return digest([]byte(text.String())), nil
}
