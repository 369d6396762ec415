// Package cli is the command line of left4me: every command but agent, demo and config is a client of the
// agent's API.
//
// What a command found goes to standard output, as a table or as JSON; everything about the way there goes
// to standard error. Failures are one sentence and a next step, and an exit status that scripts can rely
// on, see [ExitStatuses].
package cli

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/agent/internal/config"
	"github.com/left4me/left4me/agent/internal/demo"
)

// Program is the process as the command line sees it, and what it cannot do itself.
type Program struct {
	Args    []string // without the program's name
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Getenv  func(string) string // nil = os.Getenv
	Version string
	// Agent runs the agent until ctx ends.
	Agent func(ctx context.Context, cfg *config.Config, log *slog.Logger) error
	// Demo and DemoInside run the two halves of the demo. They handle signals themselves.
	Demo       func(ctx context.Context, options demo.Options, stdout, stderr io.Writer) error
	DemoInside func(ctx context.Context, options demo.Options, stdout, stderr io.Writer) error
}

// Main runs one command and returns the exit status.
func Main(ctx context.Context, p Program) int {
	a := newApp(p)
	root := a.root()
	root.SetArgs(p.Args)
	ran, err := root.ExecuteContextC(ctx)
	if a.client != nil {
		a.client.Close()
	}
	if err == nil {
		return 0
	}
	return a.report(ran, err)
}

// Root returns the tree of commands for the reference. It is not for running.
func Root() *cobra.Command { return newApp(Program{Stdout: io.Discard, Stderr: io.Discard}).root() }

// app is one invocation.
type app struct {
	Program
	socket    string
	url       string
	tokenFile string
	format    string
	noWait    bool
	client    *client.Client
}

func newApp(p Program) *app {
	if p.Getenv == nil {
		p.Getenv = os.Getenv
	}
	return &app{Program: p}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "left4me",
		Short: "Run Left 4 Dead 2 servers from layers of content",
		Long: `left4me runs Left 4 Dead 2 servers: overlays are stacked over a game installation,
a blueprint says which in which order, and a server is made from a blueprint.

The commands speak with the agent of this host over its socket, or with one elsewhere by --url.`,
		SilenceErrors: true, SilenceUsage: true,
		Args: cobra.ArbitraryArgs, RunE: unknownCommand,
	}
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	root.SetIn(a.Stdin)
	root.SetUsageTemplate(usageTemplate)
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.HiddenDefaultCmd = false
	flags := root.PersistentFlags()
	flags.StringVar(&a.socket, "socket", "", "path of the agent's socket (LEFT4ME_SOCKET, default "+defaultSocket()+")")
	flags.StringVar(&a.url, "url", "", "URL of an agent instead of a socket (LEFT4ME_URL)")
	flags.StringVar(&a.tokenFile, "token-file", "", "file with the token for --url (LEFT4ME_TOKEN_FILE)")
	flags.StringVar(&a.format, "format", "table", "table or json")
	_ = root.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	root.AddCommand(a.agentCommand(), a.demoCommand(), a.provisionCommand(), a.doctorCommand(), a.backupCommand(), a.restoreCommand(),
		a.configCommand(), a.hostCommand(), a.pluginCommand(), a.overlayCommand(),
		a.blueprintCommand(), a.serverCommand(), a.scheduleCommand(), a.releaseCommand(), a.contentCommand(), a.jobCommand(), a.eventCommand(), a.tokenCommand(),
		a.versionCommand())
	return root
}

func defaultSocket() string { return config.Default(config.StateDir).Listen.Socket }

// command is what one command says and does. Its positional arguments are named in use.
type command struct {
	use      string // "show NAME"
	short    string // one line, imperative, without a full stop
	long     string // more, if there is more to say
	example  string
	args     cobra.PositionalArgs
	complete cobra.CompletionFunc
	run      func(ctx context.Context, args []string) error
	signals  bool // it handles signals itself
}

// build makes a cobra command of c.
func (a *app) build(c command) *cobra.Command {
	out := &cobra.Command{Use: c.use, Short: c.short, Long: c.long, Example: c.example, Args: c.args, ValidArgsFunction: c.complete,
		DisableFlagsInUseLine: true}
	if c.args == nil {
		out.Args = exactly()
	}
	out.RunE = func(cmd *cobra.Command, args []string) error {
		if err := a.settle(); err != nil {
			return err
		}
		ctx := cmd.Context()
		if !c.signals {
			var stop context.CancelFunc
			ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
			context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
			defer stop()
		}
		return c.run(ctx, args)
	}
	return out
}

// group is a command that only holds others.
func (a *app) group(use, short string, commands ...*cobra.Command) *cobra.Command {
	out := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: unknownCommand}
	out.AddCommand(commands...)
	return out
}
