package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/internal/doctor"
)

// exitUnwell is the exit status of doctor when something fails.
const exitUnwell = 8

// unwell is a host with failures. They were shown already.
type unwell struct{ failures int }

// Error counts the failures.
func (e *unwell) Error() string { return fmt.Sprintf("%d checks failed", e.failures) }

func (a *app) doctorCommand() *cobra.Command {
	path, asJSON := configFile, false
	out := a.build(command{
		use:   "doctor",
		short: "Check everything that this host needs, and say how to mend it",
		long: `Check kernel, cgroups, systemd, polkit, units, sockets, files, configuration, ports, disk, agent and plugins.
Each line says ok, warn or fail; what is not ok has a next step. Nothing is changed. Run it as root to see all.
The exit status is 8 when something fails.`,
		run: func(ctx context.Context, _ []string) error {
			if asJSON {
				a.format = "json"
			}
			return a.examine(ctx, path)
		},
	})
	out.Flags().StringVar(&path, "config", path, "the agent's configuration file")
	out.Flags().BoolVar(&asJSON, "json", false, "the same as --format json")
	return out
}

func (a *app) examine(ctx context.Context, path string) error {
	agent, err := a.agent()
	if err != nil {
		return err
	}
	findings := doctor.Examine(ctx, doctor.Options{Run: runProgram, Agent: agent, Config: path, Version: a.Version})
	err = a.show(findings, func(w io.Writer) {
		for _, f := range findings {
			fmt.Fprintf(w, "%-5s %-8s %s\n", f.Level, f.Area, printable(f.Message))
			if f.Hint != "" {
				fmt.Fprintf(w, "%15s-> %s\n", "", printable(f.Hint))
			}
		}
	})
	failures := 0
	for _, f := range findings {
		if f.Level == doctor.Fail {
			failures++
		}
	}
	if err == nil && failures > 0 {
		return &unwell{failures}
	}
	return err
}

func runProgram(ctx context.Context, name string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Env = append(os.Environ(), "SYSTEMD_COLORS=0", "LC_ALL=C.UTF-8")
	out, err := command.CombinedOutput()
	return string(out), err
}
