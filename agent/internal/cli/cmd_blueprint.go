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

func (a *app) blueprintCommand() *cobra.Command {
	return a.group("blueprint", "Say which overlays in which order with which settings make a server",
		a.blueprintList(), a.blueprintShow(), a.blueprintCheck(), a.blueprintCreate(), a.blueprintSet(), a.blueprintDelete(), a.blueprintCampaigns(),
		give(a, "a blueprint", a.completeBlueprint(), (*client.Client).GiveBlueprint, a.showBlueprint))
}

func (a *app) completeBlueprint() cobra.CompletionFunc {
	return completeName(a, (*client.Client).Blueprints, func(b api.Blueprint) string { return b.Name })
}

func (a *app) blueprintList() *cobra.Command {
	return a.build(command{
		use: "list", short: "List blueprints",
		run: func(ctx context.Context, _ []string) error {
			return listed(ctx, a, (*client.Client).Blueprints, "There is no blueprint. Make one with: left4me blueprint create",
				[]string{"NAME", "OVERLAYS", "MAP", "MODE", "USED BY"},
				func(b api.Blueprint) []string {
					return []string{b.Name, strings.Join(b.Overlays, " > "), b.Settings.Map, b.Settings.Mode, strings.Join(b.UsedBy, ", ")}
				})
		},
	})
}

func (a *app) blueprintShow() *cobra.Command {
	return a.build(command{
		use: "show NAME", short: "Show a blueprint", args: exactly("NAME"), complete: a.completeBlueprint(),
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			return a.showBlueprint(agent.Blueprint(ctx, args[0]))
		},
	})
}

func (a *app) showBlueprint(b api.Blueprint, err error) error {
	if err != nil {
		return err
	}
	return a.show(b, func(w io.Writer) {
		s := b.Settings
		region := ""
		if s.Region != nil {
			region = fmt.Sprint(*s.Region)
		}
		pairs(w, "Name", b.Name, "Owner", b.Owner, "Overlays", strings.Join(b.Overlays, " > "), "Arguments", strings.Join(b.Arguments, " "),
			"Hostname", s.Hostname, "Map", s.Map, "Mode", s.Mode, "Difficulty", s.Difficulty, "Max players", number(s.MaxPlayers),
			"Tickrate", number(s.Tickrate), "Region", region, "Steam group", s.SteamGroup, "Search key", s.SearchKey,
			"Used by", strings.Join(b.UsedBy, ", "), "Created", moment(b.CreatedAt), "Changed", moment(b.UpdatedAt))
		if len(b.Config) > 0 {
			fmt.Fprintln(w, "Config:")
			lines(w, "  "+strings.Join(b.Config, "\n  "))
		}
	})
}

func (a *app) blueprintCreate() *cobra.Command {
	var given blueprintFlags
	out := a.build(command{
		use: "create NAME", short: "Make a blueprint", args: exactly("NAME"),
		example: "  left4me blueprint create versus --overlay tickrate --overlay maps --map c2m1_highway --mode versus",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			in := api.BlueprintCreate{Name: args[0], Overlays: given.overlays, Arguments: given.arguments, Settings: given.settings}
			if in.Config, err = given.config(); err != nil {
				return err
			}
			given.apply(&in.Settings)
			return a.showBlueprint(agent.CreateBlueprint(ctx, in))
		},
	})
	given.register(out)
	return out
}

func (a *app) blueprintSet() *cobra.Command {
	var given blueprintFlags
	var out *cobra.Command
	out = a.build(command{
		use: "set NAME", short: "Change a blueprint", args: exactly("NAME"), complete: a.completeBlueprint(),
		long: `Change what is given and keep the rest; a list (--overlay, --argument, --config) replaces the whole list,
and an empty value clears a setting. Servers take it up at their next start.`,
		example: "  left4me blueprint set versus --overlay maps --overlay tickrate",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			if !given.changed() {
				return usageError(out, "There is nothing to change.")
			}
			old, err := agent.Blueprint(ctx, args[0])
			if err != nil {
				return err
			}
			in, err := given.update(old)
			if err != nil {
				return err
			}
			return a.showBlueprint(agent.UpdateBlueprint(ctx, args[0], in))
		},
	})
	given.register(out)
	return out
}

func (a *app) blueprintDelete() *cobra.Command {
	return a.build(command{
		use: "delete NAME", short: "Delete a blueprint that no server is made from", args: exactly("NAME"), complete: a.completeBlueprint(),
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			if err := agent.DeleteBlueprint(ctx, args[0]); err != nil {
				return err
			}
			return a.deleted("Blueprint", args[0])
		},
	})
}

func (a *app) blueprintCheck() *cobra.Command {
	return a.build(command{
		use: "check NAME", short: "Show what a blueprint comes to, and its likely mistakes", args: exactly("NAME"), complete: a.completeBlueprint(),
		long: "Show the server.cfg and the launch arguments that a server of this blueprint gets, and what is most likely a mistake:\n" +
			"unknown or cheat-protected cvars, comments that are none, lines that the settings override.",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			b, err := agent.Blueprint(ctx, args[0])
			if err != nil {
				return err
			}
			found, err := agent.PreviewBlueprint(ctx, api.BlueprintCreate{Name: b.Name, Overlays: b.Overlays, Arguments: b.Arguments,
				Config: b.Config, Settings: b.Settings})
			if err != nil {
				return err
			}
			return a.show(found, func(w io.Writer) {
				lines(w, found.ServerConfig)
				fmt.Fprintln(w, "\nsrcds_run", strings.Join(found.Arguments, " "))
				for _, f := range found.Findings {
					fmt.Fprintf(w, "\nline %d: %s %s", f.Line, f.Message, f.Hint)
				}
				if len(found.Findings) > 0 {
					fmt.Fprintln(w)
				}
			})
		},
	})
}
