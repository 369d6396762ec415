package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

func (a *app) tokenCommand() *cobra.Command {
	return a.group("token", "Let programs and panels use the API", a.tokenList(), a.tokenCreate(), a.tokenRevoke())
}

func (a *app) tokenList() *cobra.Command {
	var owner string
	out := a.build(command{
		use: "list", short: "List tokens",
		run: func(ctx context.Context, _ []string) error {
			list := func(agent *client.Client, ctx context.Context) ([]api.Token, error) { return agent.Tokens(ctx, owner) }
			return listed(ctx, a, list, "There are no tokens.", []string{"ID", "NAME", "OWNER", "SCOPES", "SERVERS", "ACTS", "EXPIRES", "LAST USED"},
				func(t api.Token) []string {
					return []string{t.ID, t.Name, t.Owner, strings.Join(t.Scopes, " "), tokenServers(t), yes(t.Act), maybe(t.ExpiresAt), maybe(t.LastUsedAt)}
				})
		},
	})
	out.Flags().StringVar(&owner, "owner", "", "only the tokens of this person")
	return out
}

func tokenServers(t api.Token) string {
	if t.Limited && len(t.Servers) == 0 {
		return "deleted ones"
	}
	return strings.Join(t.Servers, " ")
}

func (a *app) tokenCreate() *cobra.Command {
	var in api.TokenCreate
	var expires string
	out := a.build(command{
		use: "create NAME", short: "Make a token and print its secret, once",
		long: "Make a token for the API over TCP. The secret is printed once and not kept.\n" +
			"The scopes read, operate and admin are about everything; those that begin with server. can be bound to servers.",
		example: "  left4me token create panel --scope admin --act\n  left4me token create bot --scope server.power --server alpha --expires 90d",
		args:    exactly("a name for the token"),
		run: func(ctx context.Context, args []string) error {
			in.Name = args[0]
			in.Scopes = append([]string{}, in.Scopes...) // none is an empty list on the wire
			if expires != "" {
				after, err := lifetime(expires)
				if err != nil {
					return err
				}
				at := time.Now().Add(after).UTC()
				in.ExpiresAt = &at
			}
			agent, err := a.agent()
			if err != nil {
				return err
			}
			made, err := agent.CreateToken(ctx, in)
			if err != nil {
				return err
			}
			return a.show(made, func(w io.Writer) { fmt.Fprintln(w, made.Secret) })
		},
	})
	flags := out.Flags()
	flags.StringSliceVar(&in.Scopes, "scope", []string{}, "what it is for: read, operate, admin, server.view, server.console, server.players, server.map, server.power, server.command, server.reset")
	flags.StringSliceVar(&in.Servers, "server", nil, "only for this server")
	flags.BoolVar(&in.Act, "act", false, "it may act for others: for a panel")
	flags.StringVar(&expires, "expires", "", "how long it works, for example 90d or 12h; empty is for ever")
	return out
}

// lifetime reads a duration that may be in days.
func lifetime(text string) (time.Duration, error) {
	refused := wrong("%q is no lifetime.", text).hint("Write, for example, 90d or 12h.")
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 1 || n > 36_500 {
			return 0, refused
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, refused
	}
	return d, nil
}

func (a *app) tokenRevoke() *cobra.Command {
	return a.build(command{
		use: "revoke ID", short: "Make a token worthless at once", args: exactly("the id of a token"),
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			if err := agent.RevokeToken(ctx, args[0]); err != nil {
				return err
			}
			return a.show(struct{}{}, func(w io.Writer) { fmt.Fprintln(w, "Revoked.") })
		},
	})
}
