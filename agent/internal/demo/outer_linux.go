package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/left4me/left4me/agent/internal/fault"
)

// insideArgument makes the program run the inner half. It is hidden from help.
const insideArgument = "--inside"

// Run is the outer half: it starts the inner one in its own namespaces and returns when that has ended. The
// first interrupt ends it in order, the second at once.
func Run(ctx context.Context, options Options, stdout, stderr io.Writer) error {
	if err := options.absolute(); err != nil {
		return err
	}
	// Others must be able to pass through: scripts and games run as other users when we are root.
	if err := os.MkdirAll(options.State, 0o755); err != nil {
		return fault.Wrap(err, fault.Precondition, "The state directory %s cannot be made.", options.State).
			WithHint("Choose another with --state.")
	}
	command := inner(options)
	command.Stdout, command.Stderr = stdout, stderr
	if err := command.Start(); err != nil {
		return explain(err)
	}
	defer func() { _ = os.RemoveAll(filepath.Join(options.State, "run")) }()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	next := syscall.SIGTERM
	for {
		select {
		case err := <-ended:
			return outcome(err)
		case <-ctx.Done():
			ctx = context.Background()
		case <-signals:
		}
		if err := command.Process.Signal(next); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("signal the demo: %w", err)
		}
		next = syscall.SIGKILL // the PID namespace takes everything with it
	}
}

func (o *Options) absolute() (err error) {
	for _, path := range []*string{&o.State, &o.Bin, &o.Seed} {
		if *path == "" {
			continue
		}
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	return nil
}

// inner is the same program in new namespaces, in a process group of its own so that a Ctrl-C of the terminal
// reaches the outer half only.
func inner(options Options) *exec.Cmd {
	command := exec.Command("/proc/self/exe", "demo", insideArgument, "--state", options.State, "--bin", options.Bin,
		"--seed", options.Seed, "--panel", options.Panel)
	attributes := &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Setpgid:    true,
		Pdeathsig:  syscall.SIGKILL,
	}
	if uid := os.Geteuid(); uid != 0 {
		attributes.Cloneflags |= syscall.CLONE_NEWUSER
		attributes.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
		command.Env = append(os.Environ(), rootlessVariable+"=1")
	}
	command.SysProcAttr = attributes
	return command
}

// rootlessVariable tells the inner half that its root is an ordinary user outside.
const rootlessVariable = "LEFT4ME_DEMO_ROOTLESS"

func explain(err error) error {
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EINVAL) {
		return fault.Wrap(err, fault.Precondition, "This system does not let an ordinary user make namespaces.").
			WithHint("Run as root, or allow it with: sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000")
	}
	return fmt.Errorf("start the demo: %w", err)
}

// outcome turns the inner half's end into an error of ours; it has said its own already.
func outcome(err error) error {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return fault.New(fault.Unavailable, "The demo was killed (%s).", status.Signal()).WithHint("Start it again; it repairs its state.")
	}
	return &Exit{Code: exit.ExitCode()}
}
