package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/agent/internal/provision"
)

// provisionOptions are the flags of provision.
type provisionOptions struct {
	provision.Options
	databases bool
	demo      bool
	remove    bool
}

func (a *app) provisionCommand() *cobra.Command {
	var options provisionOptions
	out := a.build(command{
		use:   "provision",
		short: "Make this host ready for left4me, or keep it so",
		long: `Make this host ready: users, directories, configuration, databases, units, example overlays. Only root can.
Everything is looked at first and only what differs is changed and listed, so it may run at any time, also
with servers running. From a built tree, deploy/provision calls it. Files that you edited stay; a new default is put beside them as FILE.new.`,
		example: "  left4me provision --game-cores 6",
		run:     func(ctx context.Context, _ []string) error { return a.provision(ctx, options) },
	})
	flags := out.Flags()
	flags.StringVar(&options.From, "from", "", "install the files of this built `tree` (default: they are installed by a package)")
	flags.IntVar(&options.GameCores, "game-cores", 0, "reserve `N` physical cores for game servers; -1 gives them back")
	flags.BoolVar(&options.demo, "demo", false, "also install the simulated game and run a server of it")
	flags.StringVar(&options.Root, "stage", "", "only copy the files of --from below this `directory`, for a package")
	flags.BoolVar(&options.remove, "remove", false, "end all of left4me on this host, keep databases, content and configuration")
	flags.BoolVar(&options.databases, "databases", false, "only give databases back to their programs")
	return out
}

// provisioned is what the command prints.
type provisioned struct {
	Changed []string `json:"changed"`
	Notes   []string `json:"notes"`
	Seconds float64  `json:"seconds"`
}

func (a *app) provision(ctx context.Context, options provisionOptions) error {
	if options.databases {
		return provision.Databases()
	}
	began := time.Now()
	if a.format != "json" {
		options.Progress = stepLines{a.Stderr}
	}
	report, err := a.change(ctx, options)
	done := provisioned{Changed: append([]string{}, report.Changed...), Notes: append([]string{}, report.Notes...), Seconds: time.Since(began).Seconds()}
	if err != nil && len(done.Changed)+len(done.Notes) == 0 {
		return err
	}
	return errors.Join(err, a.show(done, func(w io.Writer) { done.print(w) }))
}

// change does what the flags ask for.
func (a *app) change(ctx context.Context, options provisionOptions) (provision.Report, error) {
	if options.remove {
		return provision.Remove(ctx)
	}
	report, err := provision.Run(ctx, options.Options)
	if err == nil && options.Root == "" {
		err = a.fill(ctx, options, &report)
	}
	return report, err
}

func (p provisioned) print(w io.Writer) {
	if len(p.Changed) == 0 {
		fmt.Fprintf(w, "Nothing to change (%.1f s).\n", p.Seconds)
	} else {
		fmt.Fprintf(w, "Changed (%.1f s):\n", p.Seconds)
	}
	for _, changed := range p.Changed {
		fmt.Fprintln(w, printable("  "+changed))
	}
	for _, note := range p.Notes {
		fmt.Fprintln(w, printable("note: "+note))
	}
}

// stepLines shows the steps of provisioning below each other.
type stepLines struct{ w io.Writer }

func (i stepLines) Write(p []byte) (int, error) {
	if _, err := fmt.Fprintf(i.w, "- %s", p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// agentWithin is how long a fresh agent may take to answer and to have its plugins.
const agentWithin = 60 * time.Second

// fill makes what only the agent can make: example overlays, and the demo's server.
func (a *app) fill(ctx context.Context, options provisionOptions, report *provision.Report) error {
	agent, err := a.awaitAgent(ctx)
	if err != nil {
		return err
	}
	changed, err := seedExamples(ctx, agent)
	report.Changed = append(report.Changed, changed...)
	if err != nil {
		return err
	}
	if options.demo {
		changed, err := a.demoServer(ctx, agent)
		report.Changed = append(report.Changed, changed...)
		return err
	}
	return nil
}

// awaitAgent waits until the agent answers and no plugin is starting any more.
func (a *app) awaitAgent(ctx context.Context) (*client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, agentWithin)
	defer cancel()
	for {
		agent, err := a.agent()
		if err != nil {
			return nil, err
		}
		plugins, err := agent.Plugins(ctx)
		settled := err == nil
		for _, p := range plugins {
			settled = settled && p.State != "starting"
		}
		if settled {
			return agent, nil
		}
		select {
		case <-ctx.Done():
			if err == nil {
				return agent, nil // doctor says which plugin hangs
			}
			return nil, err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// seedExamples makes the example overlays, or updates their scripts (S15).
func seedExamples(ctx context.Context, agent *client.Client) (changed []string, err error) {
	if _, err := os.Stat(provision.ScriptDir); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	scripts, _, err := readScripts(provision.ScriptDir)
	if err != nil {
		return nil, err
	}
	present, err := agent.Overlays(ctx)
	if err != nil {
		return nil, err
	}
	for _, script := range scripts {
		done, err := seedOne(ctx, agent, "overlay-script", false, script, present)
		if err != nil {
			return changed, err
		}
		if done.Action == "created" || done.Action == "updated" {
			changed = append(changed, "overlay "+script.name+" ("+done.Action+")")
		}
	}
	return changed, nil
}
