package cli

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/internal/config"
	"github.com/left4me/left4me/agent/internal/plugininstall"
)

// installFlags are common to the commands that change the configuration's plugins.
type installFlags struct {
	config, dir, name string
	yes               bool
}

func (f *installFlags) register(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&f.config, "config", configFile, "the agent's configuration")
	return cmd
}

func (a *app) pluginInstall() *cobra.Command {
	var f installFlags
	out := f.register(a.build(command{
		use: "install BINARY", short: "Install a plugin on this host, without enabling it", args: exactly("BINARY"),
		long: `Copy a plugin's program to the host, let it describe itself (as nobody, when run as root), show what it asks for, and add
a block with its checksum to the configuration, which is checked before it is written; the old one is kept beside it as .bak.
Nothing runs before "plugin enable" and a restart of the agent.`,
		example: "  left4me plugin install ./overlay-motd",
		run: func(ctx context.Context, args []string) error {
			request, err := plugininstall.Place(ctx, f.dir, args[0], f.name)
			if err != nil {
				return err
			}
			done, err := plugininstall.Add(f.config, request)
			return a.installed(f, done, err, func(w io.Writer) {
				fmt.Fprintf(w, "It is installed and not enabled. When you trust it: left4me plugin enable %s\n", request.Plugin)
			})
		},
	}))
	out.Flags().StringVar(&f.dir, "dir", plugininstall.Dir, "directory for the program")
	out.Flags().StringVar(&f.name, "name", "", "name of the plugin's block, the type of its overlays (default its own)")
	return out
}

func (a *app) pluginEnable() *cobra.Command {
	var f installFlags
	out := f.register(a.build(command{
		use: "enable NAME", short: "Let an installed plugin run", args: exactly("NAME"),
		long:    "Show what a plugin of the configuration is and asks for, check its checksum, and enable it after a yes.",
		example: "  left4me plugin enable overlay-motd --yes",
		run: func(ctx context.Context, args []string) error {
			request, err := plugininstall.Look(ctx, plugininstall.Systemd{Root: "/"}, f.config, args[0])
			if err != nil {
				return a.installed(f, plugininstall.Installed{}, err, nil)
			}
			if err := a.agreed(f.yes, request); err != nil {
				return err
			}
			done, err := plugininstall.SetEnabled(f.config, args[0], true)
			request.Enabled = true
			done.Request = request
			return a.installed(f, done, err, restartNote)
		},
	}))
	out.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	return out
}

func (a *app) pluginDisable() *cobra.Command {
	var f installFlags
	return f.register(a.build(command{
		use: "disable NAME", short: "Keep a plugin from running", args: exactly("NAME"),
		long: `Set enabled = false in a plugin's block. Overlays of its type stay with their revisions, are marked, and cannot be built while it is
disabled; they can be deleted.`,
		run: func(_ context.Context, args []string) error {
			done, err := plugininstall.SetEnabled(f.config, args[0], false)
			return a.installed(f, done, err, restartNote)
		},
	}))
}

func restartNote(w io.Writer) {
	fmt.Fprintln(w, "The agent takes it up when it is restarted: systemctl restart left4me-agent. Running servers stay.")
}

// installed shows what was done. Problems of the configuration are listed.
func (a *app) installed(f installFlags, done plugininstall.Installed, err error, more func(io.Writer)) error {
	if found, ok := err.(config.Problems); ok { //nolint:errorlint // Save and OpenEdit return it as it is
		return a.problems(f.config, found)
	}
	if err != nil {
		return err
	}
	return a.show(done, func(w io.Writer) {
		printRequest(w, done.Request)
		pairs(w, "Configuration", done.Config, "As it was", done.Backup, "Program before", done.Before)
		more(w)
	})
}

// printRequest prints what an operator decides about.
func printRequest(w io.Writer, r plugininstall.Request) {
	network := ""
	for _, use := range r.Uses {
		if strings.HasSuffix(use, ".network") {
			network = "yes"
		}
	}
	runsAs := cmp.Or(r.User, "the agent's user")
	if r.Name == "" && r.User == "" {
		runsAs = ""
	}
	pairs(w, "Plugin", r.Plugin, "Unit", r.Unit, "Is", strings.TrimSpace(r.Name+" "+r.Version), "Kind", r.Kind, "What it does", strings.TrimSpace(r.Doc),
		"Program", r.Program, "Checksum", r.Checksum, "Runs as", runsAs, "Wants the network", network,
		"Would like", strings.Join(r.Wanted, ", "), "Is given", strings.Join(r.Granted, ", "), "Enabled", yes(r.Enabled))
}

// agreed asks the person, unless they said yes already.
func (a *app) agreed(yes bool, r plugininstall.Request) error {
	if yes {
		return nil
	}
	printRequest(a.Stderr, r)
	stdin, ok := a.Stdin.(*os.File)
	if !ok || !isatty.IsTerminal(stdin.Fd()) {
		return wrong("Nobody is here to agree.").hint("Read the above, and run the command again with --yes.")
	}
	fmt.Fprint(a.Stderr, "It will run with these rights. Go on? [y/N] ")
	answer, _ := bufio.NewReader(stdin).ReadString('\n') // the end of the input is a no
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return &interrupted{note: "Nothing was changed."}
	}
	return nil
}
