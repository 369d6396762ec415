package cli

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

// serverSteer are the commands that steer a game which runs.
func (a *app) serverSteer() []*cobra.Command {
	return []*cobra.Command{a.serverSay(), a.serverKick(), a.serverBan(), a.serverUnban(), a.serverMap(), a.serverHistory()}
}

// steer is a command that tells a running game something and has nothing to show.
func (a *app) steer(c command, do func(ctx context.Context, agent *client.Client, args []string) error) *cobra.Command {
	c.complete = a.completeServer()
	c.run = func(ctx context.Context, args []string) error {
		agent, err := a.agent()
		if err != nil {
			return err
		}
		return do(ctx, agent, args)
	}
	return a.build(c)
}

func (a *app) serverSay() *cobra.Command {
	return a.steer(command{use: "say NAME TEXT…", short: "Say something to everybody who plays", args: atLeast("NAME", "TEXT"),
		example: "  left4me server say alpha The server restarts in 5 minutes."},
		func(ctx context.Context, agent *client.Client, args []string) error {
			return agent.Say(ctx, args[0], api.ServerSay{Text: strings.Join(args[1:], " ")})
		})
}

func (a *app) serverKick() *cobra.Command {
	in := api.ServerKick{}
	out := a.steer(command{use: "kick NAME", short: "Throw a player out", args: exactly("NAME"),
		long:    "Throw a player out. Numbers are given to others when a player leaves; with --steam-id nobody else is hit.",
		example: "  left4me server kick alpha --user-id 26 --reason \"Come back with friends\""},
		func(ctx context.Context, agent *client.Client, args []string) error {
			return agent.Kick(ctx, args[0], in)
		})
	out.Flags().IntVar(&in.UserID, "user-id", 0, "the number that \"server players\" shows")
	out.Flags().StringVar(&in.SteamID, "steam-id", "", "SteamID64 that must be behind the number")
	out.Flags().StringVar(&in.Reason, "reason", "", "shown to the player")
	_ = out.MarkFlagRequired("user-id")
	return out
}

func (a *app) serverBan() *cobra.Command {
	in := api.ServerBan{}
	out := a.steer(command{use: "ban NAME STEAMID64", short: "Keep a person out", args: exactly("NAME", "STEAMID64"),
		long: "Keep a person out of a running server, and throw them out if they play. The game keeps the list of bans in the\n" +
			"files of that server: a reset forgets it.",
		example: "  left4me server ban alpha 76561197960287930 --minutes 60"},
		func(ctx context.Context, agent *client.Client, args []string) error {
			in.SteamID = args[1]
			return agent.Ban(ctx, args[0], in)
		})
	out.Flags().IntVar(&in.Minutes, "minutes", 0, "how long; 0 = for good")
	return out
}

func (a *app) serverUnban() *cobra.Command {
	return a.steer(command{use: "unban NAME STEAMID64", short: "Let a person in again", args: exactly("NAME", "STEAMID64")},
		func(ctx context.Context, agent *client.Client, args []string) error {
			return agent.Unban(ctx, args[0], api.ServerUnban{SteamID: args[1]})
		})
}

func (a *app) serverMap() *cobra.Command {
	in := api.ServerMap{}
	out := a.steer(command{use: "map NAME MAP", short: "Go to another map", args: exactly("NAME", "MAP"),
		long:    "Go to another map at once, with everybody who plays. Upper and lower case of the map's name count.",
		example: "  left4me server map alpha c2m1_highway --mode versus"},
		func(ctx context.Context, agent *client.Client, args []string) error {
			in.Map = args[1]
			return agent.ChangeMap(ctx, args[0], in)
		})
	out.Flags().StringVar(&in.Mode, "mode", "", "for example coop or versus; the present one if absent")
	return out
}

func (a *app) serverHistory() *cobra.Command {
	filter := client.HistoryFilter{Limit: 50}
	out := a.build(command{
		use: "history NAME", short: "List what a server's games told", args: exactly("NAME"), complete: a.completeServer(),
		long: "List who came and went, what was said, which maps were played: what the game's console told, newest first.\n" +
			"Lines marked with ? could be forged by a player's name or words.",
		example: "  left4me server history alpha --kind chat --text cheater",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			found, err := agent.History(ctx, args[0], filter)
			if err != nil {
				return err
			}
			return a.show(found, func(w io.Writer) {
				rows(w, "Nothing was told yet.", []string{"TIME", "WHAT", "PLAYER", "STEAMID", "TEXT"},
					table(found, func(e api.GameEvent) []string {
						kind := e.Kind
						if e.Ambiguous {
							kind += "?"
						}
						return []string{e.Time.Local().Format(time.DateTime), kind, e.Player, e.SteamID, e.Text}
					}))
			})
		},
	})
	out.Flags().StringVar(&filter.Kind, "kind", "", "only these: joined, left, chat, kill, map, empty, outdated, …")
	out.Flags().StringVar(&filter.Text, "text", "", "only with this in player, SteamID64 or text")
	out.Flags().Int64Var(&filter.Before, "before", 0, "only what has an id below this")
	out.Flags().IntVarP(&filter.Limit, "limit", "n", filter.Limit, "at most this many, up to 1000")
	return out
}
