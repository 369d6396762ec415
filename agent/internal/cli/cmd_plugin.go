package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

func (a *app) pluginCommand() *cobra.Command {
	complete := completeName(a, (*client.Client).Plugins, func(p api.Plugin) string { return p.Name })
	return a.group("plugin", "Look at plugins, install them, and write your own",
		a.build(command{
			use: "list", short: "List plugins",
			run: func(ctx context.Context, _ []string) error {
				return listed(ctx, a, (*client.Client).Plugins, "No plugin is configured.", []string{"NAME", "KIND", "STATE", "VERSION", "RESTARTS", "DESCRIPTION"},
					func(p api.Plugin) []string {
						return []string{p.Name, p.Kind, p.State, p.Version, number(p.Restarts), p.Description}
					})
			},
		}),
		a.build(command{
			use: "show NAME", short: "Show a plugin", args: exactly("NAME"), complete: complete,
			run: func(ctx context.Context, args []string) error {
				agent, err := a.agent()
				if err != nil {
					return err
				}
				return a.showPlugin(agent.Plugin(ctx, args[0]))
			},
		}),
		a.build(command{
			use: "restart NAME", short: "Restart a plugin", args: exactly("NAME"), complete: complete,
			long: "Restart a plugin, also one that was given up after too many failures. Running servers are not touched.",
			run: func(ctx context.Context, args []string) error {
				agent, err := a.agent()
				if err != nil {
					return err
				}
				return a.showPlugin(agent.RestartPlugin(ctx, args[0]))
			},
		}),
		a.build(command{
			use: "log NAME", short: "Show the newest lines that a plugin logged", args: exactly("NAME"), complete: complete,
			long: "Show the newest lines that a plugin logged, at most 200. Older ones are in the journal. A plugin that is a unit of\n" +
				"its own has its log there alone.",
			run: func(ctx context.Context, args []string) error {
				agent, err := a.agent()
				if err != nil {
					return err
				}
				found, err := agent.PluginLog(ctx, args[0], 0)
				if err != nil {
					return err
				}
				return a.show(found, func(w io.Writer) {
					for _, line := range found {
						fmt.Fprintf(w, "%s %-5s %s\n", moment(line.Time), line.Level, printable(line.Text))
					}
				})
			},
		}),
		a.pluginInstall(), a.pluginEnable(), a.pluginDisable(), a.pluginSwap(), a.pluginNew(), a.pluginVerify(), a.pluginRun(), a.pluginDocs())
}

func (a *app) showPlugin(p api.Plugin, err error) error {
	if err != nil {
		return err
	}
	return a.show(p, func(w io.Writer) {
		memory := ""
		if p.MemoryBytes > 0 {
			memory = size(p.MemoryBytes)
		}
		pairs(w, "Name", p.Name, "Kind", p.Kind, "State", p.State, "Description", p.Description, "Version", p.Version,
			"Launch", p.Launch, "User", p.User, "PID", number(p.PID), "Memory", memory, "Capabilities", strings.Join(p.Capabilities, ", "),
			"Started", maybe(p.StartedAt), "Restarts", number(p.Restarts), "Last end", strings.TrimSpace(p.LastExit+" "+maybe(p.LastExitAt)))
		for _, name := range slices.Sorted(maps.Keys(p.Health)) {
			fmt.Fprintln(w, printable(fmt.Sprintf("  %s: %s", name, p.Health[name])))
		}
	})
}
