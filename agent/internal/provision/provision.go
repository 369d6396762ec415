package provision

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/left4me/left4me/agent/internal/fault"
)

// Options of a run.
type Options struct {
	// From is a built tree to install; "" when a package has installed the files already.
	From string
	// Root is the directory that stands for "/"; "" is the host itself. With another one only files are
	// installed: nothing is started, no user is made.
	Root string
	// GameCores reserves that many physical cores, with all their threads, for game servers. 0 leaves CPUs as
	// they are, a negative number gives them back.
	GameCores int
	// Progress gets a line per step; nil = nothing.
	Progress io.Writer
}

// Report is what a run did.
type Report struct {
	Changed []string // files, users, units that were changed, in order; empty when all was right
	Notes   []string // sentences for the operator
}

// Run provisions the host. It needs root. It is safe to run again, also after a run that was killed. Two runs at once
// are refused.
func Run(ctx context.Context, options Options) (Report, error) {
	h := &host{ctx: ctx, options: options, root: options.Root}
	if h.root == "" {
		h.root = "/"
	}
	err := h.provision()
	return h.report, err
}

// host is one run.
type host struct {
	ctx      context.Context //nolint:containedctx // of this one run, for the commands that it starts
	options  Options
	root     string
	record   Record
	recorded []byte
	report   Report
}

func (h *host) path(name string) string { return filepath.Join(h.root, name) }
func (h *host) changed(what string)     { h.report.Changed = append(h.report.Changed, what) }
func (h *host) note(format string, args ...any) {
	h.report.Notes = append(h.report.Notes, fmt.Sprintf(format, args...))
}

func (h *host) provision() error {
	if h.root != "/" {
		return h.stage()
	}
	if err := h.check(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(recordFile), 0o755); err != nil {
		return err
	}
	unlock, err := lock(h.path("/run/left4me-provision.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	if err := h.readRecord(); err != nil {
		return err
	}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"files", h.fromTree},
		{"users and groups", h.users},
		{"directories", h.tmpfiles},
		{"configuration", h.configure},
		{"CPUs", h.pin},
		{"databases", h.databases},
		{"units", h.units},
	} {
		if h.options.Progress != nil {
			fmt.Fprintln(h.options.Progress, step.name)
		}
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		// After each step: what was done holds also when a later one fails.
		if err := h.writeRecord(); err != nil {
			return err
		}
	}
	return nil
}

// stage installs files only, for a package.
func (h *host) stage() error {
	h.record = Record{Files: map[string]string{}}
	return h.fromTree()
}

func (h *host) fromTree() error {
	if h.options.From == "" {
		return nil
	}
	list, err := files(h.options.From)
	if err != nil {
		return err
	}
	return h.install(list)
}

// check refuses a host on which nothing could work, before anything is changed.
func (h *host) check() error {
	if runtime.GOOS != "linux" {
		return fault.New(fault.Precondition, "A host of left4me runs Linux, not %s.", runtime.GOOS).WithHint(`Try "left4me demo".`)
	}
	if os.Geteuid() != 0 {
		return fault.New(fault.Forbidden, "Only root can provision a host.").WithHint("Run it with sudo.")
	}
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return fault.Wrap(err, fault.Precondition, "This host was not booted with systemd.").
			WithHint(`Use a host with systemd, or look around with "left4me demo".`)
	}
	if _, err := os.Stat(h.path("/usr/share/polkit-1")); err != nil {
		return fault.Wrap(err, fault.Precondition, "polkit is not installed, so the agent could start no server.").
			WithHint("Run: apt-get install polkitd")
	}
	return nil
}

// run runs a program of the system; its output is the cause when it fails.
func (h *host) run(name string, args ...string) error {
	_, err := h.output(name, args...)
	return err
}

func (h *host) output(name string, args ...string) (string, error) {
	command := exec.CommandContext(h.ctx, name, args...)
	command.Env = append(os.Environ(), "SYSTEMD_COLORS=0", "LC_ALL=C.UTF-8")
	out, err := command.CombinedOutput()
	if err != nil {
		return string(out), fault.Wrap(err, fault.Precondition, "%s failed: %s", strings.Join(slices.Insert(args, 0, name), " "), tail(string(out))).
			WithHint("Mend what it says and run this again.")
	}
	return string(out), nil
}

func tail(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > 600 {
		text = "…" + text[len(text)-600:]
	}
	return strings.ReplaceAll(text, "\n", "; ")
}
