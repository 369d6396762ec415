package config

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	kindBuilder = "builder"
	kindMounter = "mounter"
)

var (
	pluginName  = regexp.MustCompile(`^[a-z][a-z0-9-]{1,40}$`)
	secretName  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	checksum    = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	envVariable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

func (v *validator) plugins(plugins []Plugin) {
	seen := map[string]bool{}
	mounter := ""
	for _, p := range plugins {
		key := "plugin." + p.Name
		if seen[p.Name] {
			v.add(key, "Give one of them another name.", "There are two plugins named %q.", p.Name)
			continue
		}
		seen[p.Name] = true
		v.plugin(key, p)
		if p.Kind != kindMounter || !p.Enabled {
			continue
		}
		if mounter != "" {
			v.add(key, "Set enabled = false in one of them.",
				"Plugins %q and %q are both mounters, and only one can be enabled.", mounter, p.Name)
			continue
		}
		mounter = p.Name
	}
}

func (v *validator) plugin(key string, p Plugin) {
	if !pluginName.MatchString(p.Name) {
		v.add(key, `Use 2 to 41 characters of a-z, 0-9 and "-", a letter first.`, "%.80q is not a name for a plugin.", p.Name)
	}
	if p.Kind == "" {
		v.add(key, `Add kind = "builder" or kind = "mounter".`, "Plugin %q has no kind.", p.Name)
	} else {
		v.choice(key+".kind", p.Kind, kindBuilder, kindMounter)
	}
	v.launch(key+".launch", p)
	names := map[string]bool{}
	for _, secret := range p.Secrets {
		at := key + ".secret." + secret.Name
		switch {
		case !secretName.MatchString(secret.Name):
			v.add(at, `Use 1 to 64 characters of a-z, 0-9 and "_", a letter first.`, "%.80q is not a name for a secret.", secret.Name)
		case names[secret.Name]:
			v.add(at, "Remove one of them.", "Plugin %q has two secrets named %q.", p.Name, secret.Name)
		}
		names[secret.Name] = true
		if secret.File == "" {
			v.add(at, `Add file = "/etc/left4me/…".`, "Secret %q has no file.", secret.Name)
		} else {
			v.path(at+".file", secret.File)
		}
	}
}

func (v *validator) launch(key string, p Plugin) {
	l := p.Launch
	switch l.Mode {
	case "":
		v.add(key, `Add launch { mode = "exec" command = ["/path/to/plugin"] }.`, "Plugin %q does not say how it is launched.", p.Name)
	case LaunchExec:
		v.exec(key, p)
	case LaunchSocket, LaunchAttach:
		v.connect(key, p)
	default:
		v.choice(key+".mode", l.Mode, LaunchExec, LaunchSocket, LaunchAttach)
	}
	v.account(key+".user", l.User)
	v.account(key+".group", l.Group)
}

func (v *validator) exec(key string, p Plugin) {
	l := p.Launch
	switch {
	case len(l.Command) == 0:
		v.add(key, `Add command = ["/path/to/plugin"].`, "Plugin %q has no command.", p.Name)
	case !filepath.IsAbs(l.Command[0]):
		v.add(key+".command", "Write the whole path from \"/\".", "The command %.200q of plugin %q is not an absolute path.", l.Command[0], p.Name)
	}
	if slices.ContainsFunc(l.Command, func(arg string) bool { return strings.ContainsRune(arg, 0) }) {
		v.add(key+".command", "", "The command of plugin %q has a NUL byte.", p.Name)
	}
	if l.Checksum != "" && !checksum.MatchString(l.Checksum) {
		v.add(key+".checksum", `Write "sha256:" and the 64 lowercase hex digits that sha256sum prints.`,
			"The checksum %.90q of plugin %q has the wrong form.", l.Checksum, p.Name)
	}
	v.refuse(key, l.Mode, "socket", l.Socket != "")
	for _, name := range l.Capabilities {
		if !slices.Contains(capabilityNames(), name) {
			v.add(key+".capabilities", suggestCapability(name), "There is no capability %.60q.", name)
		}
	}
	for name := range l.Environment {
		if !envVariable.MatchString(name) || reserved(name) {
			v.add(key+".environment", "Leave it out.", "The variable %.60q cannot be set for a plugin.", name)
		}
	}
}

// reserved names belong to the loader, or to the launch itself.
func reserved(name string) bool {
	return strings.HasPrefix(name, "LD_") || strings.HasPrefix(name, "PLUGIN_") || name == "LEFT4ME_PLUGIN"
}

func suggestCapability(name string) string {
	if upper := "CAP_" + strings.TrimPrefix(strings.ToUpper(name), "CAP_"); slices.Contains(capabilityNames(), upper) {
		return "Write " + upper + "."
	}
	return "They are listed in capabilities(7), for example CAP_SYS_ADMIN."
}

func (v *validator) connect(key string, p Plugin) {
	l := p.Launch
	if l.Socket == "" {
		v.add(key, `Add socket = "/run/left4me/NAME.sock".`, "Plugin %q has no socket.", p.Name)
	} else {
		v.socket(key+".socket", l.Socket)
	}
	v.refuse(key, l.Mode, "command", l.Command != nil)
	v.refuse(key, l.Mode, "checksum", l.Checksum != "")
	v.refuse(key, l.Mode, "capabilities", l.Capabilities != nil)
	v.refuse(key, l.Mode, "environment", l.Environment != nil)
}

// refuse reports a key that means nothing in a launch mode: whoever wrote it expects it to work.
func (v *validator) refuse(key, mode, name string, set bool) {
	if !set {
		return
	}
	hint := "Leave it out."
	if mode == LaunchSocket {
		hint = "Leave it out; the plugin's systemd unit says it."
	}
	v.add(key+"."+name, hint, "%q means nothing with mode = %q.", name, mode)
}
