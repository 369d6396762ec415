package plugininstall

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/left4me/left4me/agent/internal/fault"
)

// UnitSwap is another program in a unit: what is written, and where.
type UnitSwap struct {
	Unit    Unit
	Request Request
	File    string   // the drop-in
	Text    string   // what stands in it
	Lacks   []string // Linux capabilities that the program would like and is not given
}

// SwapOptions are what a person may say besides the program.
type SwapOptions struct {
	Arguments []string // of the program; none keeps the unit's when the plugin calls itself the same as the one before
	Same      bool     // the program is another version of the same plugin
	Grant     []string // Linux capabilities to give besides the unit's
}

// plainPath is a path that needs no quotes in a unit.
var plainPath = regexp.MustCompile(`^/[A-Za-z0-9/._-]+$`)

// PlanSwap says what to write so that unit starts r's program. Nothing is changed.
func PlanSwap(unit Unit, r Request, o SwapOptions) (UnitSwap, error) {
	out := UnitSwap{Unit: unit, Request: r, File: path.Join("/etc/systemd/system", unit.Service+".d", dropIn)}
	if len(unit.after) > 0 {
		return out, fault.New(fault.Precondition, "%s sets another program for %s, and would win.", unit.after[0], unit.Service).
			WithHint("Remove that line or file, and run the command again.")
	}
	if !plainPath.MatchString(r.Program) {
		return out, fault.New(fault.Invalid, "The path %s cannot stand in a unit.", r.Program).WithHint("Name a directory of letters, digits, dots and hyphens with --dir.")
	}
	for _, name := range o.Grant {
		if !slices.Contains(r.Wanted, name) {
			return out, fault.New(fault.Invalid, "%s does not ask for %q.", r.Name, name).WithHint("It would like: %s.", orNone(strings.Join(r.Wanted, ", ")))
		}
	}
	arguments := quoted(o.Arguments)
	if len(o.Arguments) == 0 && o.Same {
		arguments = unit.Arguments
	}
	out.Text = fmt.Sprintf(`# Written by "left4me plugin swap": %s %s in the place of the unit's own program.
# To go back: left4me plugin swap %s --back
[Service]
# %s
ExecStart=
ExecStart=%s
`, r.Name, r.Version, r.Plugin, r.Checksum, strings.TrimSpace(unit.prefix+r.Program+" "+arguments))
	if len(o.Grant) > 0 {
		out.Text += fmt.Sprintf("# Given besides what the unit gives, because the plugin asks for it and the operator agreed.\nAmbientCapabilities=%[1]s\nCapabilityBoundingSet=%[1]s\n",
			strings.Join(o.Grant, " "))
	}
	out.Request.User, out.Request.Granted, out.Request.Unit = orRoot(unit.User), slices.Concat(unit.Capabilities, o.Grant), unit.Service
	for _, name := range r.Wanted {
		if !slices.Contains(out.Request.Granted, name) {
			out.Lacks = append(out.Lacks, name)
		}
	}
	return out, nil
}

func orNone(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

// quoted writes arguments for ExecStart=, so that systemd takes each as it is.
func quoted(arguments []string) string {
	var out []string
	for _, a := range arguments {
		out = append(out, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "$", "$$", "\n", `\n`).Replace(a)+`"`)
	}
	return strings.Join(out, " ")
}

// Commands are what root does to the same end, in a shell, with the program at binary.
func (p UnitSwap) Commands(binary string) string {
	return fmt.Sprintf(`install -D -m 0755 %s %s
install -d -m 0755 %s
cat >%s <<'END'
%sEND
systemctl daemon-reload
left4me plugin restart %s
`, shell(binary), p.Request.Program, path.Dir(p.File), p.File, p.Text, p.Request.Plugin)
}

func shell(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// Write puts the drop-in in its place, whole or not at all, and keeps one that was there as ".bak" beside it, which systemd does not
// read. It refuses when somebody but root could change the program: the unit may have rights that they do not.
func (s Systemd) Write(p UnitSwap) (backup string, err error) {
	root, err := os.OpenRoot(s.Root)
	if err != nil {
		return "", fault.Wrap(err, fault.NotFound, "The directory %s cannot be read.", s.Root).WithHint("Name another one with --root.")
	}
	defer root.Close()
	for _, name := range []string{p.Request.Program, p.File} {
		if err := guarded(root, name); err != nil {
			return "", err
		}
	}
	name := strings.TrimPrefix(p.File, "/")
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return "", unwritten(err, p.File)
	}
	if before, err := root.ReadFile(name); err == nil && string(before) != p.Text {
		backup = p.File + ".bak"
		if err := place(root, name+".bak", before); err != nil {
			return "", unwritten(err, backup)
		}
	}
	if err := place(root, name, []byte(p.Text)); err != nil {
		return backup, unwritten(err, p.File)
	}
	return backup, nil
}

// Back takes the drop-in away, so that the unit starts its own program again. It stays as ".bak" beside it.
func (s Systemd) Back(unit Unit) (Unit, error) {
	root, err := os.OpenRoot(s.Root)
	if err != nil {
		return unit, fault.Wrap(err, fault.NotFound, "The directory %s cannot be read.", s.Root).WithHint("Name another one with --root.")
	}
	defer root.Close()
	name := path.Join("etc/systemd/system", unit.Service+".d", dropIn)
	switch err := root.Rename(name, name+".bak"); {
	case errors.Is(err, fs.ErrNotExist):
		return unit, fault.New(fault.NotFound, "%s starts its own program: there is no /%s.", unit.Service, name).WithHint("Swap it with: left4me plugin swap NAME BINARY")
	case err != nil:
		return unit, unwritten(err, "/"+name)
	}
	return serviceOf(root, unit.Socket, unit.Service)
}

func unwritten(err error, file string) error {
	return fault.Wrap(err, fault.Forbidden, "The file %s cannot be written.", file).WithHint("Run the command as root.")
}

// guarded refuses a path of which a part belongs to somebody but root and us, or may be written by others.
func guarded(root *os.Root, name string) error {
	parts := strings.Split(strings.Trim(name, "/"), "/")
	for i := range parts {
		at := path.Join(parts[:i+1]...)
		info, err := root.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // what we make is ours
		}
		if err != nil {
			return unwritten(err, name)
		}
		owner, _ := info.Sys().(*syscall.Stat_t)
		if owner != nil && owner.Uid != 0 && int(owner.Uid) != os.Geteuid() || info.Mode()&fs.ModeSymlink == 0 && info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
			return fault.New(fault.Forbidden, "Others than root may change /%s, and systemd would start what they put there.", at).
				WithHint("Give it to root and take the others' right to write, or name another directory with --dir.")
		}
		if info.IsDir() && info.Mode().Perm()&0o001 == 0 {
			return fault.New(fault.Forbidden, "The unit's user may not enter /%s.", at).WithHint("Name another directory with --dir.")
		}
	}
	return nil
}

// place writes a file in one step.
func place(root *os.Root, name string, data []byte) error {
	temporary := path.Join(path.Dir(name), fmt.Sprintf(".left4me-%d", os.Getpid()))
	_ = root.Remove(temporary) // of a process that was killed and had our number
	file, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = root.Remove(temporary) }() // gone after the rename
	_, err = file.Write(data)
	if err = errors.Join(err, file.Chmod(0o644), file.Sync(), file.Close()); err != nil {
		return err
	}
	return root.Rename(temporary, name)
}
