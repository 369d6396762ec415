package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/internal/config"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/plugininstall"
)

// swapFlags are what "plugin swap" takes besides.
type swapFlags struct {
	installFlags
	root  string
	grant []string
	back  bool
	print bool
}

func (a *app) pluginSwap() *cobra.Command {
	var f swapFlags
	out := f.register(a.build(command{
		use: "swap NAME BINARY [ARGUMENT...]", short: "Put another program into a plugin's block or unit", args: atLeast("NAME"),
		long: `Install a new version of a plugin, or another one of the same kind, under the same name: overlays of its type, and its block's settings,
stay. The old program stays on the host, so that it can be swapped back.

Of a plugin that the agent starts, program and checksum in its block change. Of one that systemd starts (mode = "socket"), the unit
gets a drop-in that sets its program, which only root may write; the unit keeps its user, its capabilities and its hardening. What the
new program would like besides is shown, and given with --grant only. Who is not root is told what root has to do. --back takes the
drop-in away.`,
		example: "  left4me plugin swap overlay-motd ./overlay-motd --yes\n  left4me plugin swap mounter-kernel ./mounter-zfs --print\n  left4me plugin swap mounter-kernel --back",
		run: func(ctx context.Context, args []string) error {
			p, err := plugininstall.Launch(f.config, args[0])
			if err != nil {
				return a.installed(f.installFlags, plugininstall.Installed{}, err, nil)
			}
			systemd := plugininstall.Systemd{Root: f.root}
			switch {
			case f.back && (len(args) > 1 || p.Launch.Mode != config.LaunchSocket):
				return wrong("--back is for a plugin that systemd starts, and takes no program.").hint("Swap it with: left4me plugin swap %s BINARY", args[0])
			case f.back:
				return a.swapBack(ctx, systemd, p)
			case len(args) < 2:
				return wrong("BINARY is missing.").hint("left4me plugin swap NAME BINARY")
			case p.Launch.Mode == config.LaunchSocket:
				return a.swapUnit(ctx, f, systemd, p, args[1:])
			}
			return a.swapBlock(ctx, f, args)
		},
	}))
	flags := out.Flags()
	flags.StringVar(&f.dir, "dir", plugininstall.Dir, "directory for the program")
	flags.BoolVar(&f.yes, "yes", false, "do not ask")
	flags.BoolVar(&f.back, "back", false, "let the unit start its own program again")
	flags.BoolVar(&f.print, "print", false, "only print what root has to do to swap the program of a unit")
	flags.StringSliceVar(&f.grant, "grant", nil, "Linux capabilities to give the unit besides, of those that the plugin would like")
	flags.StringVar(&f.root, "root", "/", "directory that stands for / of the host whose unit is changed, such as an image's")
	return out
}

// swapBlock swaps the program of a plugin that the agent starts.
func (a *app) swapBlock(ctx context.Context, f swapFlags, args []string) error {
	if len(args) > 2 || f.print || len(f.grant) > 0 {
		return wrong("Arguments, --print and --grant are for plugins that systemd starts.").hint("Change command and capabilities in the plugin's launch block.")
	}
	request, err := plugininstall.Place(ctx, f.dir, args[1], args[0])
	if err != nil {
		return err
	}
	if err := a.agreed(f.yes, request); err != nil {
		return err
	}
	done, err := plugininstall.Swap(f.config, args[0], request)
	return a.installed(f.installFlags, done, err, restartNote)
}

// swapUnit swaps the program of a plugin that systemd starts.
func (a *app) swapUnit(ctx context.Context, f swapFlags, systemd plugininstall.Systemd, p config.Plugin, program []string) error {
	unit, err := systemd.Find(p.Launch.Socket)
	if err != nil {
		return err
	}
	may := !f.print && (os.Geteuid() == 0 || f.root != "/")
	get, dir := plugininstall.Study, f.dir
	if may {
		get, dir = plugininstall.Place, filepath.Join(f.root, f.dir)
	}
	request, err := get(ctx, dir, program[0], p.Name)
	if err != nil {
		return err
	}
	request.Program = filepath.Join(f.dir, filepath.Base(request.Program)) // as the host sees it
	request.Enabled = p.Enabled
	if request.Kind != p.Kind {
		return fault.New(fault.Precondition, "Plugin %q is a %s, and %s is a %s.", p.Name, p.Kind, request.Name, request.Kind).
			WithHint("Install it under a name of its own with: left4me plugin install")
	}
	before, err := plugininstall.Study(ctx, f.dir, filepath.Join(f.root, unit.Program), p.Name)
	plan, err2 := plugininstall.PlanSwap(unit, request, plugininstall.SwapOptions{
		Arguments: program[1:], Same: err == nil && before.Name == request.Name, Grant: f.grant,
	})
	if err2 != nil {
		return err2
	}
	if !may {
		return a.tellRoot(f.print, plan, program[0])
	}
	if err := a.agreed(f.yes, plan.Request); err != nil {
		return err
	}
	backup, err := systemd.Write(plan)
	if err != nil {
		return err
	}
	done := plugininstall.Installed{Request: plan.Request, Backup: backup, Before: unit.Program, DropIn: plan.File, Lacks: plan.Lacks}
	return a.installed(f.installFlags, done, reload(ctx, f.root), func(w io.Writer) {
		pairs(w, "Drop-in", plan.File, "It lacks", strings.Join(plan.Lacks, ", "))
		if len(plan.Lacks) > 0 {
			fmt.Fprintln(w, "It may not work without what it lacks. If you trust it, give it with --grant.")
		}
		fmt.Fprintf(w, "It is taken up with: left4me plugin restart %s. Running servers stay. Back: left4me plugin swap %[1]s --back\n", p.Name)
	})
}

// tellRoot prints what only root may do. It is an error but when that was asked for.
func (a *app) tellRoot(asked bool, plan plugininstall.UnitSwap, binary string) error {
	if absolute, err := filepath.Abs(binary); err == nil {
		binary = absolute
	}
	commands := plan.Commands(binary)
	value := map[string]any{"unit": plan.Unit.Service, "drop_in": plan.File, "text": plan.Text, "commands": commands, "lacks_linux_capabilities": plan.Lacks}
	err := a.show(value, func(w io.Writer) { _, _ = io.WriteString(w, commands) })
	if err == nil && !asked {
		err = fault.New(fault.Forbidden, "Only root may change the program of %s.", plan.Unit.Service).WithHint("Run the command as root, or have root do what is printed above.")
	}
	return err
}

func (a *app) swapBack(ctx context.Context, systemd plugininstall.Systemd, p config.Plugin) error {
	unit, err := systemd.Find(p.Launch.Socket)
	if err != nil {
		return err
	}
	now, err := systemd.Back(unit)
	if err != nil {
		return err
	}
	if err := reload(ctx, systemd.Root); err != nil {
		return err
	}
	return a.show(map[string]string{"unit": now.Service, "program": now.Program, "before": unit.Program}, func(w io.Writer) {
		pairs(w, "Unit", now.Service, "Program", now.Program, "Program before", unit.Program)
		fmt.Fprintf(w, "It is taken up with: left4me plugin restart %s\n", p.Name)
	})
}

// reload lets systemd read the units again, where it runs.
func reload(ctx context.Context, root string) error {
	if _, err := os.Stat("/run/systemd/system"); root != "/" || err != nil {
		return nil
	}
	if out, err := exec.CommandContext(ctx, "systemctl", "daemon-reload").CombinedOutput(); err != nil {
		return fault.Wrap(err, fault.Precondition, "The drop-in is written, and systemd did not read it: %s.", strings.TrimSpace(string(out))).
			WithHint("Run: systemctl daemon-reload")
	}
	return nil
}
