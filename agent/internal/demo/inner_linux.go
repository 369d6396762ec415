package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/agent/internal/fault"
)

// Inside is the inner half: it runs everything until it gets SIGTERM, and takes it down in order.
func Inside(ctx context.Context, options Options, stdout, stderr io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	rootless := os.Getenv(rootlessVariable) != ""
	state, err := enter(options.State, rootless)
	if err != nil {
		return err
	}
	d := &demo{Options: options, layout: layout{State: state, Bin: options.Bin, Rootless: rootless},
		stdout: stdout, stderr: stderr, reaper: newReaper()}
	go d.reaper.run()
	defer d.end()
	if err := d.begin(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	select {
	case <-ctx.Done():
		fmt.Fprintln(stdout, "\nStopping servers and ending. Press Ctrl-C again to end at once.")
		return nil
	case err := <-d.failed():
		return err
	}
}

// demo is one run of the inner half.
type demo struct {
	Options
	layout         layout
	stdout, stderr io.Writer
	reaper         *reaper
	steam          *child // stand-in of the workshop
	sites          *child // stand-in of the example scripts' sites
	agent          *child
	panel          *child
}

// begin starts the parts one after another and seeds them.
func (d *demo) begin(ctx context.Context) error {
	if err := d.prepare(ctx); err != nil {
		return err
	}
	fmt.Fprintln(d.stdout, "Starting the agent and its plugins …")
	var err error
	if d.agent, err = d.start("left4me", nil, "agent", "--config", d.layout.configFile()); err != nil {
		return err
	}
	agent, err := client.New(client.Options{Socket: d.layout.socket(), Actor: "demo"})
	if err != nil {
		return err
	}
	defer agent.Close()
	if err := d.until(ctx, d.agent, "the agent answers", func() bool { _, err := agent.Host(ctx); return err == nil }); err != nil {
		return err
	}
	if err := d.seed(ctx, agent); err != nil {
		return err
	}
	if err := d.startPanel(ctx); err != nil {
		return err
	}
	return d.welcome(ctx, agent)
}

// prepare checks the panel's port, writes the config and the game, and starts the workshop's stand-in.
func (d *demo) prepare(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", d.Panel)
	if err != nil {
		return fault.Wrap(err, fault.Precondition, "The panel cannot listen on %s: the port is taken.", d.Panel).
			WithHint("End the other program, or choose another: make run PANEL=127.0.0.1:27081")
	}
	_ = listener.Close()
	run := filepath.Join(d.layout.State, "run")
	if err := os.RemoveAll(run); err != nil { // sockets of a run that was killed
		return err
	}
	if err := os.MkdirAll(run, 0o755); err != nil {
		return err
	}
	if err := d.installGame(ctx); err != nil {
		return err
	}
	if err := d.writeSteamcmd(); err != nil {
		return err
	}
	if d.layout.Steam, err = d.startSteam(ctx); err != nil {
		return err
	}
	if d.layout.Sites, err = d.startSites(ctx); err != nil {
		return err
	}
	text, err := d.layout.config()
	if err != nil {
		return err
	}
	return os.WriteFile(d.layout.configFile(), text, 0o644)
}

// until polls ready until it holds. It fails when the child ends or takes too long.
func (d *demo) until(ctx context.Context, c *child, what string, ready func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for !ready() {
		select {
		case <-c.ended:
			return fault.New(fault.Unavailable, "%s ended before %s (%v).", c.name, what, c.err).
				WithHint("Read what it printed above; its log is in %s.", c.log)
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fault.New(fault.Unavailable, "It took more than %s until %s.", startWithin, what).
					WithHint("Read %s.", c.log)
			}
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// failed tells when a part ends that is not started again.
func (d *demo) failed() <-chan error {
	out := make(chan error, 2)
	for _, c := range []*child{d.agent, d.panel} {
		go func() {
			<-c.ended
			out <- fault.New(fault.Unavailable, "%s ended (%v).", c.name, c.err).WithHint("Read %s.", c.log)
		}()
	}
	return out
}

// end takes everything down: first the panel, then the agent with its servers.
func (d *demo) end() {
	for _, c := range []*child{d.panel, d.agent, d.steam, d.sites} {
		if c != nil {
			c.stop(stopWithin)
		}
	}
	_ = os.RemoveAll(filepath.Join(d.layout.State, "run"))
}
