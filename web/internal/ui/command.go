package ui

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/config"
)

// Command returns the command line of the panel.
func Command() *cobra.Command {
	root := &cobra.Command{Use: "left4me-web", Short: "The left4me panel", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(serveCommand(), setupLinkCommand(), resetLinkCommand())
	return root
}

func serveCommand() *cobra.Command {
	var cfg config.Config
	command := &cobra.Command{
		Use: "serve", Short: "Serve the panel", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return serve(command.Context(), cfg) },
	}
	cfg.Flags(command.Flags())
	return command
}

func setupLinkCommand() *cobra.Command {
	var dir, url string
	command := &cobra.Command{
		Use: "setup-link", Short: "Print the one-time link that makes the first account", Args: cobra.NoArgs,
		Long: "Prints the one-time link that makes the first account. Prints nothing when there is an account already.",
		RunE: func(command *cobra.Command, _ []string) error {
			token, err := account.SetupToken(dir)
			if err == nil && token != "" {
				_, err = fmt.Fprintln(command.OutOrStdout(), strings.TrimSuffix(url, "/")+"/setup?token="+token)
			}
			return err
		},
	}
	command.Flags().StringVar(&dir, "state-dir", config.StateDir, "`directory` of the panel's database")
	command.Flags().StringVar(&url, "url", "http://127.0.0.1:27080", "`address` of the panel as people see it")
	return command
}

func resetLinkCommand() *cobra.Command {
	var dir, url string
	command := &cobra.Command{
		Use: "reset-link NAME", Short: "Print a one-time link with which a person chooses a new password", Args: cobra.ExactArgs(1),
		Long: "Prints a one-time link with which a person chooses a new password, and turns two-factor sign-in off for them.\n" +
			"For the administrator who is locked out; everybody else gets a link on the page People.",
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			accounts, err := account.Open(ctx, dir)
			if err != nil {
				return err
			}
			defer accounts.Close()
			found, err := accounts.Find(ctx, args[0])
			if errors.Is(err, account.ErrNotFound) {
				return fmt.Errorf("there is no account %q", args[0])
			}
			if err != nil {
				return err
			}
			secret, err := accounts.ResetLink(ctx, found.ID, "local")
			if err == nil {
				err = accounts.RemoveTOTP(ctx, found.ID)
			}
			if err == nil {
				err = accounts.Record(ctx, account.Entry{Actor: "local", Action: "person.reset-link", Target: "person/" + found.Name, Status: http.StatusOK, Detail: "on the command line"})
			}
			if err == nil {
				_, err = fmt.Fprintln(command.OutOrStdout(), strings.TrimSuffix(url, "/")+"/welcome?token="+secret)
			}
			return err
		},
	}
	command.Flags().StringVar(&dir, "state-dir", config.StateDir, "`directory` of the panel's database")
	command.Flags().StringVar(&url, "url", "http://127.0.0.1:27080", "`address` of the panel as people see it")
	return command
}

// serve runs the panel until ctx ends.
func serve(ctx context.Context, cfg config.Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	accounts, err := account.Open(ctx, cfg.StateDir)
	if err != nil {
		return err
	}
	defer accounts.Close()
	if err := accounts.EnsureSetupToken(ctx); err != nil {
		return fmt.Errorf("make set-up token: %w", err)
	}
	agent, err := client.New(client.Options{Socket: cfg.AgentSocket, URL: cfg.AgentURL, Token: cfg.AgentToken, Timeout: agentTime})
	if err != nil {
		return err
	}
	defer agent.Close()
	panel, err := New(ctx, Options{Accounts: accounts, Hosts: []Host{{Name: cfg.AgentName, Client: agent}}, InsecureCookies: cfg.InsecureCookies})
	if err != nil {
		return err
	}
	defer panel.Close()
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w; end the other program or choose another --listen", cfg.Listen, err)
	}
	tending, stop := context.WithCancel(ctx)
	var tended sync.WaitGroup
	tended.Go(func() {
		panel.Tend(tending, time.Minute, func(err error) { slog.Error("look after the panel's data", "error", err) })
	})
	defer tended.Wait()
	defer stop()
	return run(ctx, listener, panel)
}

// NewServer returns the listener's half of the panel. Streams end with ctx, because their requests descend from it.
func NewServer(ctx context.Context, handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second, // streams lift both for themselves
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
}

// run serves until ctx ends.
func run(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := NewServer(ctx, handler)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(closing); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}
