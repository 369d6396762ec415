package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

func (a *app) serverCommand() *cobra.Command {
	return a.group("server", "Run game servers", append(append(a.serverSteer(), a.serverFiles()...),
		a.serverList(), a.serverShow(), a.serverCreate(), a.serverCampaigns(),
		a.serverAction("start", "Start a server", "Start a server and wait until it answers. Starting one that runs is fine.", (*client.Client).StartServer),
		a.serverAction("stop", "Stop a server", "Ask the game to end, kill it when it does not, and take its tree down.", (*client.Client).StopServer),
		a.serverAction("restart", "Restart a server with the newest content", "", (*client.Client).RestartServer),
		a.serverAction("kill", "Kill a server at once", "Kill the game without asking it to end, also while another job of the server runs.", (*client.Client).KillServer),
		a.serverAction("reset", "Throw away what a stopped server wrote", "", (*client.Client).ResetServer),
		a.serverAction("delete", "Stop and delete a server and what it wrote", "", (*client.Client).DeleteServer),
		give(a, "a server", a.completeServer(), (*client.Client).GiveServer, a.showServer),
		a.serverCommandLine(), a.serverConsole(), a.serverPlayers())...)
}

func (a *app) completeServer() cobra.CompletionFunc {
	return completeName(a, (*client.Client).Servers, func(s api.Server) string { return s.Name })
}

func (a *app) serverList() *cobra.Command {
	return a.build(command{
		use: "list", short: "List servers",
		run: func(ctx context.Context, _ []string) error {
			return listed(ctx, a, (*client.Client).Servers, "There is no server. Make one with: left4me server create",
				[]string{"NAME", "STATE", "PORT", "MAP", "PLAYERS", "BLUEPRINT", "NOTE"},
				func(s api.Server) []string {
					level, players := "", ""
					if s.Live != nil {
						level, players = s.Live.Map, fmt.Sprintf("%d/%d", s.Live.Players, s.Live.MaxPlayers)
					}
					note := s.Reason
					if note == "" && len(s.Pending) > 0 {
						note = "restart to apply changes"
					}
					return []string{s.Name, s.State, number(s.Port), level, players, s.Blueprint, note}
				})
		},
	})
}

func (a *app) serverShow() *cobra.Command {
	return a.build(command{
		use: "show NAME", short: "Show a server", args: exactly("NAME"), complete: a.completeServer(),
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			return a.showServer(agent.Server(ctx, args[0]))
		},
	})
}

func (a *app) showServer(s api.Server, err error) error {
	if err != nil {
		return err
	}
	return a.show(s, func(w io.Writer) {
		live := []string{}
		if s.Live != nil {
			live = []string{"Hostname", s.Live.Hostname, "Map", s.Live.Map,
				"Players", fmt.Sprintf("%d of %d, %d bots", s.Live.Players, s.Live.MaxPlayers, s.Live.Bots), "Game", s.Live.Version}
		}
		pairs(w, append([]string{"Name", s.Name, "Owner", s.Owner, "State", s.State, "Reason", s.Reason, "Should be", s.Intent,
			"Blueprint", s.Blueprint, "Port", number(s.Port), "PID", number(s.PID), "Started", maybe(s.StartedAt), "Last job", s.LastJob}, live...)...)
		writeLayers(w, s.Layers)
		for _, reason := range s.Pending {
			fmt.Fprintln(w, printable("restart to apply: "+reason))
		}
	})
}

func writeLayers(w io.Writer, layers []api.Layer) {
	if len(layers) == 0 {
		return
	}
	fmt.Fprintln(w, "Layers, highest first:")
	for _, layer := range layers {
		name, version := layer.Overlay, layer.Revision
		if name == "" {
			name, version = "the game", layer.Release
		}
		fmt.Fprintf(w, "  %s %s%s\n", printable(name), version, orNothing(", newer: ", layer.Newer))
	}
}

func (a *app) serverCreate() *cobra.Command {
	var in api.ServerCreate
	out := a.build(command{
		use: "create NAME", short: "Make a server from a blueprint", args: exactly("NAME"),
		example: "  left4me server create alpha --blueprint versus --start",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			in.Name = args[0]
			made, err := agent.CreateServer(ctx, in)
			if err != nil {
				return err
			}
			if in.Start {
				return a.finishID(ctx, agent, made.LastJob, false)
			}
			return a.show(made, func(w io.Writer) {
				fmt.Fprintf(w, "Server %q is made on port %d. Start it with: left4me server start %s\n", made.Name, made.Port, made.Name)
			})
		},
	})
	flags := out.Flags()
	flags.StringVar(&in.Blueprint, "blueprint", "", "the blueprint it is made from")
	flags.IntVar(&in.Port, "port", 0, "UDP and TCP port; 0 = the next free one")
	flags.BoolVar(&in.Start, "start", false, "start it at once")
	a.waitFlag(flags)
	_ = out.RegisterFlagCompletionFunc("blueprint", completeValue(a, (*client.Client).Blueprints, func(b api.Blueprint) string { return b.Name }))
	return out
}

// serverAction is a command that starts one job of a server.
func (a *app) serverAction(verb, short, long string, do func(*client.Client, context.Context, string) (api.Job, error)) *cobra.Command {
	follow := false
	out := a.build(command{
		use: verb + " NAME", short: short, long: long, args: exactly("NAME"), complete: a.completeServer(),
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			job, err := do(agent, ctx, args[0])
			if err != nil {
				return err
			}
			return a.finish(ctx, agent, job, follow)
		},
	})
	out.Flags().BoolVarP(&follow, "follow", "f", false, "show the job's log")
	a.waitFlag(out.Flags())
	return out
}

func (a *app) serverCommandLine() *cobra.Command {
	return a.build(command{
		use: "command NAME COMMAND…", short: "Run a console command", args: atLeast("NAME", "COMMAND"), complete: a.completeServer(),
		long:    "Run a console command on a running server and print what it answered. Several arguments are joined with blanks.",
		example: "  left4me server command alpha changelevel c2m1_highway",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			reply, err := agent.Command(ctx, args[0], strings.Join(args[1:], " "))
			if err != nil {
				return err
			}
			return a.show(reply, func(w io.Writer) { lines(w, reply.Output) })
		},
	})
}

func (a *app) serverConsole() *cobra.Command {
	options := client.ConsoleOptions{Tail: 200}
	out := a.build(command{
		use: "console NAME", short: "Show a server's console", args: exactly("NAME"), complete: a.completeServer(),
		long:    "Show the last lines of a server's console and, with --follow, what comes. With --format json each line is one JSON object.",
		example: "  left4me server console alpha --follow",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			if options.Tail == 0 {
				options.Tail = -1
			}
			for item, err := range agent.Console(ctx, args[0], options) {
				if err != nil {
					return err
				}
				if item.Dropped > 0 {
					a.lost(item.Dropped, "lines")
				}
				if item.Line != nil {
					if err := a.line(item.Line, item.Line.Text); err != nil {
						return err
					}
				}
			}
			return ctx.Err()
		},
	})
	out.Flags().IntVarP(&options.Tail, "tail", "n", options.Tail, "begin with this many earlier lines, at most 10000")
	out.Flags().BoolVarP(&options.Follow, "follow", "f", false, "go on with what comes, until Ctrl-C")
	out.Flags().StringVar(&options.Search, "search", "", "only lines with this text, out of the last 100000")
	return out
}

// lost says that a stream was too fast for us.
func (a *app) lost(n int, what string) {
	fmt.Fprintf(a.Stderr, "left4me: %d %s were lost here\n", n, what)
}

func (a *app) serverPlayers() *cobra.Command {
	return a.build(command{
		use: "players NAME", short: "List who plays on a server", args: exactly("NAME"), complete: a.completeServer(),
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			found, err := agent.Players(ctx, args[0])
			if err != nil {
				return err
			}
			return a.show(found, func(w io.Writer) {
				rows(w, "Nobody plays.", []string{"USERID", "NAME", "STEAMID", "CONNECTED", "PING", "LOSS", "STATE"},
					table(found, func(p api.Player) []string {
						steam := p.SteamID
						if p.Bot {
							steam = "bot"
						}
						return []string{number(p.UserID), p.Name, steam, seconds(p.Connected), fmt.Sprint(p.Ping), fmt.Sprint(p.Loss), p.State}
					}))
			})
		},
	})
}

func seconds(n int) string {
	if n >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", n/3600, n/60%60, n%60)
	}
	return fmt.Sprintf("%d:%02d", n/60, n%60)
}
