package config

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"strconv"
)

// CheckHost holds the configuration against this machine: files that are missing, programs that
// cannot be run, secrets that everybody may read, accounts that do not exist. Plugins that are not
// enabled are left out. The error is Problems.
//
// The agent starts in spite of these: what is missing fails alone, and the rest works.
func (c *Config) CheckHost() error {
	v := &validator{origins: c.origins}
	for _, p := range c.Plugins {
		if p.Enabled {
			v.hostPlugin("plugin."+p.Name, p)
		}
	}
	if c.Installation.Source == SourceDirectory {
		if info, err := os.Stat(c.Installation.Path); err != nil || !info.IsDir() {
			v.add("installation.path", "Name the directory that holds srcds_run.", "The installation %s %s.", c.Installation.Path, state(err, "is not a directory"))
		}
	}
	v.group("listen.socket_group", c.Listen.SocketGroup)
	if c.Listen.TokenFile != "" {
		v.hostSecret("listen.token_file", c.Listen.TokenFile)
	}
	v.user("servers.user", c.Servers.User)
	v.group("servers.group", c.Servers.Group)
	return v.problems.sorted().err()
}

func (v *validator) hostPlugin(key string, p Plugin) {
	if p.Launch.Mode == LaunchExec && len(p.Launch.Command) > 0 {
		program := p.Launch.Command[0]
		info, err := os.Stat(program)
		switch {
		case err != nil:
			v.add(key+".launch.command", "Install the plugin, correct the path, or set enabled = false.",
				"The program %s of plugin %q %s.", program, p.Name, state(err, ""))
		case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
			v.add(key+".launch.command", "Name the plugin's binary, and make it executable.",
				"The program %s of plugin %q cannot be executed.", program, p.Name)
		}
	}
	v.user(key+".launch.user", p.Launch.User)
	v.group(key+".launch.group", p.Launch.Group)
	for _, secret := range p.Secrets {
		v.hostSecret(key+".secret."+secret.Name+".file", secret.File)
	}
}

func (v *validator) hostSecret(key, file string) {
	_, err := ReadSecret(file)
	if problem, ok := errors.AsType[Problems](err); ok {
		v.add(key, problem[0].Hint, "%s", problem[0].Message)
	}
}

func (v *validator) user(key, name string) {
	if _, err := strconv.Atoi(name); name == "" || err == nil {
		return
	}
	if _, err := user.Lookup(name); err != nil {
		v.add(key, "Create it, or correct the name.", "There is no user %q on this host.", name)
	}
}

func (v *validator) group(key, name string) {
	if _, err := strconv.Atoi(name); name == "" || err == nil {
		return
	}
	if _, err := user.LookupGroup(name); err != nil {
		v.add(key, "Create it, or correct the name.", "There is no group %q on this host.", name)
	}
}

// state completes a sentence about a file; otherwise stands for no error.
func state(err error, otherwise string) string {
	switch {
	case err == nil:
		return otherwise
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist"
	}
	return "cannot be looked at: " + reason(err)
}

// reason returns the innermost text of an error about a file, without the path.
func reason(err error) string {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err.Error()
	}
	return err.Error()
}
