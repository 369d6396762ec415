package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/internal/backup"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/provision"
)

func (a *app) backupCommand() *cobra.Command {
	return a.build(command{
		use: "backup FILE", short: "Put all that cannot be made again into one file", args: exactly("FILE"),
		long: `Write the databases of agent and panel, the configuration and what servers wrote into FILE, a .tar.gz with
checksums. Overlays and the game are in it as recipes. Only root can. Agent and servers may run; to have a
server's files as of one moment, stop it first.`,
		example: "  left4me backup /var/backups/left4me-2026-11-25.tar.gz",
		run: func(ctx context.Context, args []string) error {
			if err := rootOnly(); err != nil {
				return err
			}
			host, _ := os.Hostname() // only for people
			done, err := backup.Create(ctx, args[0], backup.Options{Root: "/", Version: a.Version, Host: host, Now: time.Now()})
			if err != nil {
				return err
			}
			// Reading a database can make its sidecars, and root must not own them (S12).
			if err := provision.Databases(); err != nil {
				return err
			}
			return a.show(done, func(w io.Writer) {
				fmt.Fprintf(w, "%s: %d files of %d servers, databases and configuration, %s.\n", args[0], done.Files, done.Servers, size(uint64(done.Bytes)))
				notes(w, done.Notes)
			})
		},
	})
}

func (a *app) restoreCommand() *cobra.Command {
	var check bool
	out := a.build(command{
		use: "restore FILE", short: "Put a backup back onto this host", args: exactly("FILE"),
		long: `Put a backup back onto a provisioned host without servers whose agent is stopped. The whole file is checked
first. What is in the way is kept as NAME.before-restore. What is to be built again is said at the end.`,
		example: "  left4me restore /var/backups/left4me-2026-11-25.tar.gz",
		run: func(ctx context.Context, args []string) error {
			if check {
				manifest, err := backup.Verify(ctx, args[0])
				if err != nil {
					return err
				}
				return a.show(manifest, func(w io.Writer) { fmt.Fprintln(w, "The backup is complete.") })
			}
			if err := rootOnly(); err != nil {
				return err
			}
			done, err := backup.Restore(ctx, args[0], "/")
			if err != nil {
				return err
			}
			return a.show(done, func(w io.Writer) { printRestored(w, done) })
		},
	})
	out.Flags().BoolVar(&check, "check", false, "only check the file")
	return out
}

func printRestored(w io.Writer, done backup.Restored) {
	fmt.Fprintf(w, "Restored the backup of %s from %s: %d entries of servers, databases and configuration.\n",
		printable(done.Manifest.Host), done.Manifest.Created.Format(time.DateTime), done.Files)
	for _, kept := range done.Kept {
		fmt.Fprintln(w, "kept: "+kept)
	}
	fmt.Fprintln(w, "Next:")
	fmt.Fprintln(w, "  systemctl start left4me-agent left4me-web")
	if len(done.Rebuild.Releases) > 0 {
		fmt.Fprintf(w, "  left4me release install     # was %s\n", printable(strings.Join(done.Rebuild.Releases, ", ")))
	}
	for _, overlay := range done.Rebuild.Overlays {
		fmt.Fprintf(w, "  left4me overlay build %s\n", overlay)
	}
	for _, server := range done.Rebuild.Servers {
		fmt.Fprintf(w, "  left4me server start %s     # builds what it needs by itself\n", server)
	}
}

func notes(w io.Writer, list []string) {
	for _, note := range list {
		fmt.Fprintln(w, printable("note: "+note))
	}
}

func rootOnly() error {
	if os.Geteuid() == 0 {
		return nil
	}
	return fault.New(fault.Forbidden, "Only root can read and write what is in a backup.").WithHint("Run it with sudo.")
}
