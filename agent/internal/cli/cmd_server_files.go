package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

// maxPut is the largest file that put sends, in bytes; the agent takes no more.
const maxPut = 1 << 20

// serverFiles are the commands for the files of a server.
func (a *app) serverFiles() []*cobra.Command {
	return []*cobra.Command{a.filesCommand(), a.group("file", "Read, write and reset a file of a server", a.fileGet(), a.filePut(), a.fileReset()),
		a.collisionsCommand()}
}

func (a *app) filesCommand() *cobra.Command {
	return a.build(command{
		use: "files NAME [DIRECTORY]", short: "List a directory of a server's files", args: upTo(2, "NAME"), complete: a.completeServer(),
		long: `List a directory as the server's game sees it: which layer each entry comes from, what it hides in the layers below, and
what the server deleted. What the server wrote itself comes from the layer "server".`,
		example: "  left4me server files alpha left4dead2/cfg",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			directory := ""
			if len(args) > 1 {
				directory = strings.Trim(args[1], "/")
			}
			found, err := agent.Files(ctx, args[0], directory)
			if err != nil {
				return err
			}
			return a.show(found, func(w io.Writer) {
				rows(w, "The directory is empty.", []string{"NAME", "SIZE", "FROM", "HIDES", "NOTE"}, table(found.Entries, fileRow))
			})
		},
	})
}

func fileRow(e api.FileInfo) []string {
	name, bytes, from, note := fmt.Sprintf("%q", e.Name), "", e.Layer, ""
	name = name[1 : len(name)-1] // names are a game's: no control characters on the terminal
	switch e.Kind {
	case "directory":
		name += "/"
		from = strings.Join(append([]string{e.Layer}, e.Also...), ", ")
	case "file":
		bytes = size(uint64(max(e.Bytes, 0)))
	default:
		note = e.Kind
	}
	switch {
	case e.Deleted:
		note = "deleted"
	case e.Generated:
		note = "written anew at each start"
	case e.Unnamed:
		note = "its name is not UTF-8"
	}
	return []string{name, bytes, from, strings.Join(e.Hides, ", "), note}
}

func (a *app) fileGet() *cobra.Command {
	layer := ""
	out := a.build(command{
		use: "get NAME PATH", short: "Write a file of a server to standard output", args: exactly("NAME", "PATH"), complete: a.completeServer(),
		example: "  left4me server file get alpha left4dead2/cfg/server.cfg\n  left4me server file get alpha left4dead2/cfg/server.cfg --layer game > game.cfg",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			file, err := agent.OpenFile(ctx, args[0], args[1], layer, "")
			if err != nil {
				return err
			}
			defer file.Close()
			if _, err = io.Copy(a.Stdout, file); err != nil {
				return fmt.Errorf("read the file: %w", err)
			}
			return nil
		},
	})
	out.Flags().StringVar(&layer, "layer", "", "read the file of this layer: server, overlay/NAME or game")
	return out
}

func (a *app) filePut() *cobra.Command {
	from := "-"
	out := a.build(command{
		use: "put NAME PATH", short: "Write a text file of a server", args: exactly("NAME", "PATH"), complete: a.completeServer(),
		long: `Write a text file of at most 1 MiB, which becomes the server's own and hides what the layers have there. Overlays and the game
stay as they are. Files that each start writes anew, such as server.cfg, are refused: change the blueprint instead.`,
		example: "  left4me server file put alpha left4dead2/cfg/extra.cfg --from extra.cfg",
		run: func(ctx context.Context, args []string) error {
			text, err := a.input(from)
			if err != nil {
				return err
			}
			agent, err := a.agent()
			if err != nil {
				return err
			}
			return agent.PutFile(ctx, args[0], args[1], "", text)
		},
	})
	out.Flags().StringVar(&from, "from", from, "the file to send; - is standard input")
	return out
}

// input reads at most a little more than put may send, so that the agent says what is wrong.
func (a *app) input(from string) ([]byte, error) {
	in := a.Stdin
	if from != "-" {
		file, err := os.Open(from)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	return io.ReadAll(io.LimitReader(in, maxPut+1))
}

func (a *app) fileReset() *cobra.Command {
	return a.steer(command{
		use: "reset NAME PATH", short: "Throw away what a stopped server has at a path", args: exactly("NAME", "PATH"),
		long: `Throw away what a server wrote or deleted at a path, with all below it, for good. What the layers have there shows again at the
next start. The server must be stopped.`,
		example: "  left4me server file reset alpha left4dead2/cfg/banned_user.cfg"},
		func(ctx context.Context, agent *client.Client, args []string) error {
			return agent.ResetFile(ctx, args[0], args[1])
		})
}

func (a *app) collisionsCommand() *cobra.Command {
	return a.build(command{
		use: "collisions NAME", short: "List the files that several overlays of a server have", args: exactly("NAME"), complete: a.completeServer(),
		long: "List the files that more than one overlay of a server has. The game sees the one of the overlay that is higher in the blueprint.\n" +
			"What overlays change of the game itself is no collision.",
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			found, err := agent.Collisions(ctx, args[0])
			if err != nil {
				return err
			}
			return a.show(found, func(w io.Writer) {
				rows(w, "No two overlays have the same file.", []string{"PATH", "WINS", "LOSES"}, table(found.Collisions, func(c api.Collision) []string {
					losers := make([]string, len(c.Losers))
					for i, loser := range c.Losers {
						losers[i] = loser.Layer
					}
					return []string{fmt.Sprintf("%q", c.Path), c.Winner.Layer, strings.Join(losers, ", ")}
				}))
			})
		},
	})
}
