// Package plugininstall puts programs of plugins onto a host and into the agent's configuration, for the operator. Nothing here
// runs a plugin but to let it describe itself, as nobody when we are root; and nothing is enabled that was not shown before.
package plugininstall

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/left4me/left4me/agent/internal/config"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/sdk"
)

// Dir is where programs of plugins go.
const Dir = "/usr/local/lib/left4me/plugins"

// Request is what a plugin is and asks for: what an operator reads before it may run.
type Request struct {
	Plugin   string          `json:"plugin"` // name of its block, and of the overlays' type
	Name     string          `json:"name"`   // as it calls itself
	Version  string          `json:"version"`
	Kind     string          `json:"kind"`
	Program  string          `json:"program"`
	Checksum string          `json:"checksum"`
	Enabled  bool            `json:"enabled"`
	Unit     string          `json:"unit,omitempty"`                       // that starts it; "" = the agent does
	User     string          `json:"user,omitempty"`                       // "" = the agent's
	Wanted   []string        `json:"wanted_linux_capabilities,omitempty"`  // what it would like
	Granted  []string        `json:"granted_linux_capabilities,omitempty"` // what its block gives
	Uses     []string        `json:"uses,omitempty"`                       // capabilities of the protocol, such as build.network
	Doc      string          `json:"doc,omitempty"`
	Schema   json.RawMessage `json:"settings_schema,omitempty"`
}

// Installed is what a change did.
type Installed struct {
	Request
	Config string `json:"config"`
	Backup string `json:"backup"`           // the configuration as it was
	Before string `json:"before,omitempty"` // the program that was replaced; it stays

	DropIn string   `json:"drop_in,omitempty"`                  // of the unit, with the program
	Lacks  []string `json:"lacks_linux_capabilities,omitempty"` // that it would like, and is not given
}

// Place copies a program into dir under a name that has its checksum, and lets it describe itself from there, so that what was
// looked at is what will run. Name is that of the plugin's block; "" takes the plugin's own.
func Place(ctx context.Context, dir, program, name string) (Request, error) {
	temporary, sum, err := copyProgram(dir, program)
	if err != nil {
		return Request{}, err
	}
	defer func() { _ = os.Remove(temporary) }() // gone after the rename
	d, err := describe(ctx, temporary)
	if err != nil {
		return Request{}, err
	}
	if name == "" {
		name = d.Name
	}
	place := filepath.Join(dir, d.Name+"-"+sum[:12])
	if err := os.Rename(temporary, place); err != nil {
		return Request{}, fault.Wrap(err, fault.Precondition, "The program cannot be put to %s.", place)
	}
	return request(d, config.Plugin{Name: name, Kind: string(d.Kind), Launch: config.Launch{Command: []string{place}, Checksum: "sha256:" + sum}}), nil
}

func request(d sdk.Description, p config.Plugin) Request {
	return Request{
		Plugin: p.Name, Name: d.Name, Version: d.Version, Kind: string(d.Kind), Program: p.Launch.Command[0], Checksum: p.Launch.Checksum,
		Enabled: p.Enabled, User: p.Launch.User, Wanted: d.WantedCapabilities, Granted: p.Launch.Capabilities, Uses: d.Capabilities,
		Doc: d.Doc, Schema: d.PluginSchema,
	}
}

// Study says what Place would do with a program, and does nothing: for people who may not, and have to tell who may.
func Study(ctx context.Context, dir, program, name string) (Request, error) {
	sum, err := sumOf(program)
	if err != nil {
		return Request{}, err
	}
	d, err := describe(ctx, program)
	if err != nil {
		return Request{}, err
	}
	place := filepath.Join(dir, d.Name+"-"+sum[:12])
	return request(d, config.Plugin{Name: name, Kind: string(d.Kind), Launch: config.Launch{Command: []string{place}, Checksum: "sha256:" + sum}}), nil
}

// Launch returns the block of a plugin in the configuration.
func Launch(path, name string) (config.Plugin, error) {
	_, p, err := open(path, name)
	return p, err
}

// Add writes a block for the plugin, which is not enabled.
func Add(path string, r Request) (Installed, error) {
	edit, err := config.OpenEdit(path)
	if err != nil {
		return Installed{}, err
	}
	if _, taken := edit.Plugin(r.Plugin); taken {
		return Installed{}, fault.New(fault.Conflict, "The configuration has a plugin %q already.", r.Plugin).
			WithHint("Replace its program with: left4me plugin swap %s BINARY; or give another name with --name.", r.Plugin)
	}
	edit.AddPlugin(config.Plugin{
		Name: r.Plugin, Kind: r.Kind, Launch: config.Launch{Mode: config.LaunchExec, Command: []string{r.Program}, Checksum: r.Checksum},
	}, r.Name+" "+r.Version)
	backup, err := edit.Save()
	return Installed{Request: r, Config: path, Backup: backup}, err
}

// Look describes a plugin that is in the configuration, after its checksum was checked. Of one that systemd starts it says what its unit
// has, as far as it can be read.
func Look(ctx context.Context, systemd Systemd, path, name string) (Request, error) {
	_, p, err := open(path, name)
	if err != nil {
		return Request{}, err
	}
	if p.Launch.Mode != config.LaunchExec {
		return lookAtUnit(ctx, systemd, p), nil
	}
	sum, err := sumOf(p.Launch.Command[0])
	if err != nil {
		return Request{}, err
	}
	if p.Launch.Checksum != "" && p.Launch.Checksum != "sha256:"+sum {
		return Request{}, fault.New(fault.Precondition, "The program %s of plugin %q is not the one that was installed: its checksum is sha256:%s.", p.Launch.Command[0], name, sum).
			WithHint("If you replaced it, say so with: left4me plugin swap %s %s", name, p.Launch.Command[0])
	}
	d, err := describe(ctx, p.Launch.Command[0])
	if err != nil {
		return Request{}, err
	}
	return request(d, p), nil
}

// lookAtUnit is Look for a plugin whose unit decides.
func lookAtUnit(ctx context.Context, systemd Systemd, p config.Plugin) Request {
	out := Request{Plugin: p.Name, Kind: p.Kind, Program: p.Launch.Socket, Enabled: p.Enabled}
	unit, err := systemd.Find(p.Launch.Socket)
	if err != nil {
		return out // a developer's, or of another host
	}
	out.Unit, out.Program, out.User, out.Granted = unit.Service, unit.Program, orRoot(unit.User), unit.Capabilities
	if d, err := describe(ctx, unit.Program); err == nil {
		out.Name, out.Version, out.Wanted, out.Uses, out.Doc, out.Schema = d.Name, d.Version, d.WantedCapabilities, d.Capabilities, d.Doc, d.PluginSchema
	}
	return out
}

func orRoot(user string) string {
	if user == "" {
		return "root"
	}
	return user
}

// SetEnabled enables or disables a plugin.
func SetEnabled(path, name string, enabled bool) (Installed, error) {
	edit, p, err := open(path, name)
	if err != nil {
		return Installed{}, err
	}
	edit.SetEnabled(name, enabled)
	backup, err := edit.Save()
	return Installed{Request: Request{Plugin: name, Kind: p.Kind, Enabled: enabled}, Config: path, Backup: backup}, err
}

// Swap puts another program into a plugin's block and keeps everything else of it.
func Swap(path, name string, r Request) (Installed, error) {
	edit, p, err := open(path, name)
	if err != nil {
		return Installed{}, err
	}
	if p.Kind != r.Kind {
		return Installed{}, fault.New(fault.Precondition, "Plugin %q is a %s, and %s is a %s.", name, p.Kind, r.Name, r.Kind).
			WithHint("Install it under a name of its own with: left4me plugin install")
	}
	if !edit.SetProgram(name, r.Program, r.Checksum) {
		return Installed{}, fault.New(fault.Precondition, "Plugin %q is not started by the agent, but by systemd.", name).
			WithHint("Swap it where it is started, for example with: systemctl edit --full left4me-plugin-%s@.service", name)
	}
	r.Enabled, r.User, r.Granted = p.Enabled, p.Launch.User, p.Launch.Capabilities
	backup, err := edit.Save()
	return Installed{Request: r, Config: path, Backup: backup, Before: p.Launch.Command[0]}, err
}

func open(path, name string) (*config.Edit, config.Plugin, error) {
	edit, err := config.OpenEdit(path)
	if err != nil {
		return nil, config.Plugin{}, err
	}
	p, ok := edit.Plugin(name)
	if !ok {
		var names []string
		for _, p := range edit.Plugins() {
			names = append(names, p.Name)
		}
		return nil, p, fault.New(fault.NotFound, "The configuration %s has no plugin %q.", path, name).WithHint("It has: %s.", strings.Join(names, ", "))
	}
	return edit, p, nil
}

// copyProgram copies program to a temporary name in dir and returns its checksum. A link is followed once, here.
func copyProgram(dir, program string) (temporary, sum string, err error) {
	from, err := os.Open(program)
	if err != nil {
		return "", "", fault.Wrap(err, fault.NotFound, "The program %s cannot be read.", program).WithHint("Check the path.")
	}
	defer from.Close()
	if info, err := from.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", "", fault.New(fault.Invalid, "%s is not a program.", program).WithHint("Name the plugin's binary.")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", "", fault.Wrap(err, fault.Forbidden, "The directory %s cannot be made.", dir).WithHint("Run the command as root, or name another directory with --dir.")
	}
	to, err := os.CreateTemp(dir, ".plugin-*")
	if err != nil {
		return "", "", fault.Wrap(err, fault.Forbidden, "Nothing can be written to %s.", dir).WithHint("Run the command as root, or name another directory with --dir.")
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(to, hash), from)
	if err = errors.Join(err, to.Chmod(0o755), to.Sync(), to.Close()); err != nil {
		_ = os.Remove(to.Name())
		return "", "", fault.Wrap(err, fault.Precondition, "The program cannot be copied to %s.", dir).WithHint("Look at the disk.")
	}
	return to.Name(), hex.EncodeToString(hash.Sum(nil)), nil
}

func sumOf(program string) (string, error) {
	file, err := os.Open(program)
	if err != nil {
		return "", fault.Wrap(err, fault.NotFound, "The program %s cannot be read.", program).WithHint("Install it again.")
	}
	defer file.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, file)
	return hex.EncodeToString(hash.Sum(nil)), err
}
