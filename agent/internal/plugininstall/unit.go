package plugininstall

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/left4me/left4me/agent/internal/fault"
)

// Systemd reads and changes units of plugins below Root, which is "/" but for images and tests.
type Systemd struct{ Root string }

// Unit is what starts a plugin when the agent connects to its socket.
type Unit struct {
	Socket       string   // name of the socket's unit
	Service      string   // name of the unit, a template
	Program      string   // what it starts
	Arguments    string   // and with what, as written in the unit
	User         string   // whom it runs as; "" = root
	Capabilities []string // those it has from the beginning; nil for root without a bound means all

	prefix string   // of ExecStart: how systemd starts it
	after  []string // drop-ins that set ExecStart and come after ours
}

// unitDirs are where systemd looks for units, the first one wins.
var unitDirs = [...]string{"etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"}

// dropIn is the name of the file that swaps a program. Drop-ins are read in the order of their names.
const dropIn = "90-left4me-swap.conf"

// Find returns the unit behind a socket's path.
func (s Systemd) Find(socket string) (Unit, error) {
	root, err := os.OpenRoot(s.Root)
	if err != nil {
		return Unit{}, fault.Wrap(err, fault.NotFound, "The directory %s cannot be read.", s.Root).WithHint("Name another one with --root.")
	}
	defer root.Close()
	for _, dir := range unitDirs {
		entries, err := fs.ReadDir(root.FS(), dir)
		if err != nil {
			continue // not every host has each of them
		}
		for _, entry := range entries {
			name, is := strings.CutSuffix(entry.Name(), ".socket")
			if !is {
				continue
			}
			settings := effective(root, entry.Name())
			if !slices.Contains(list(settings, "Socket", "ListenStream"), socket) {
				continue
			}
			service := name + ".service"
			if slices.Contains([]string{"1", "yes", "y", "true", "t", "on"}, strings.ToLower(last(settings, "Socket", "Accept"))) {
				service = name + "@.service"
			} else if other := last(settings, "Socket", "Service"); other != "" {
				service = other
			}
			return serviceOf(root, entry.Name(), service)
		}
	}
	return Unit{}, fault.New(fault.NotFound, "No unit of systemd listens on %s.", socket).
		WithHint("Look for it with: systemctl list-sockets. If it runs elsewhere, change its program there.")
}

func serviceOf(root *os.Root, socket, service string) (Unit, error) {
	settings := effective(root, service)
	out := Unit{Socket: socket, Service: service, User: last(settings, "Service", "User"), Capabilities: list(settings, "Service", "AmbientCapabilities")}
	if out.User == "" || out.User == "root" {
		out.Capabilities = list(settings, "Service", "CapabilityBoundingSet")
	}
	program, arguments, _ := strings.Cut(command(settings), " ")
	out.Program = strings.TrimLeft(program, "-:+!")
	out.prefix, out.Arguments = strings.TrimSuffix(program, out.Program), strings.TrimSpace(arguments)
	if !path.IsAbs(out.Program) || strings.ContainsAny(out.Program, `"'\%$`) {
		return out, fault.New(fault.Precondition, "What %s starts cannot be told: it has no single ExecStart= with a plain path.", service).
			WithHint("Change it by hand with: systemctl edit %s", service)
	}
	for _, name := range dropIns(root, service) {
		if path.Base(name) > dropIn && command(read(root, name)) != "" {
			out.after = append(out.after, "/"+name)
		}
	}
	return out, nil
}

// effective are the lines of a unit and its drop-ins, in the order in which systemd reads them.
func effective(root *os.Root, unit string) []assignment {
	var out []assignment
	for _, dir := range unitDirs {
		if name := path.Join(dir, unit); exists(root, name) {
			out = read(root, name)
			break
		}
	}
	for _, name := range dropIns(root, unit) {
		out = append(out, read(root, name)...)
	}
	return out
}

// dropIns are the drop-ins of a unit, by name; of two with one name that in the first directory holds.
func dropIns(root *os.Root, unit string) []string {
	found := map[string]string{}
	for _, dir := range unitDirs {
		names, err := fs.Glob(root.FS(), path.Join(dir, escape(unit)+".d", "*.conf"))
		if err != nil {
			continue // the pattern is fixed
		}
		for _, name := range names {
			if _, taken := found[path.Base(name)]; !taken {
				found[path.Base(name)] = name
			}
		}
	}
	var out []string
	for _, name := range found {
		out = append(out, name)
	}
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(path.Base(a), path.Base(b)) })
	return out
}

// escape makes a name match itself as a pattern.
func escape(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}

func read(root *os.Root, name string) []assignment {
	data, err := root.ReadFile(name)
	if to, linked := root.Readlink(name); err != nil && linked == nil && path.IsAbs(to) {
		data, err = root.ReadFile(strings.TrimPrefix(path.Clean(to), "/")) // a link from the root of this system
	}
	if err != nil {
		return nil // a unit that is masked or gone says nothing
	}
	return parseUnit(data)
}

func exists(root *os.Root, name string) bool {
	_, err := root.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}
