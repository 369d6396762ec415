package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// child is a program that the demo runs. Its output goes to a log file.
type child struct {
	name  string
	log   string // as the person sees it, outside the namespaces
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // valid when ended is closed
}

// start runs a program of Bin. output gets its standard output too; nil = only the log.
func (d *demo) start(program string, output io.Writer, arguments ...string) (*child, error) {
	logs := filepath.Join(d.layout.State, "log")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return nil, err
	}
	name := program
	if program == "left4me" {
		name = "agent"
	}
	file, err := os.OpenFile(filepath.Join(logs, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, err
	}
	c := &child{name: name, log: filepath.Join(d.State, "log", name+".log"), ended: make(chan struct{})}
	c.cmd = exec.Command(filepath.Join(d.Bin, program), arguments...)
	c.cmd.Dir = d.layout.State
	c.cmd.Stderr = file
	c.cmd.Stdout = file
	if output != nil {
		c.cmd.Stdout = io.MultiWriter(file, output)
	}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// An input that stays open tells stand-ins that we live. Wait closes it.
	if _, err := c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	err = d.reaper.own(func() (int, error) {
		if err := c.cmd.Start(); err != nil {
			return 0, err
		}
		return c.cmd.Process.Pid, nil
	})
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	go func() {
		c.err = c.cmd.Wait()
		d.reaper.disown(c.cmd.Process.Pid)
		_ = file.Close()
		close(c.ended)
	}()
	return c, nil
}

// stop asks a child to end and kills it after a time.
func (c *child) stop(within time.Duration) {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.ended:
	case <-time.After(within):
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
		<-c.ended
	}
}

// installGame writes the simulated game when it is absent or of another build.
func (d *demo) installGame(ctx context.Context) error {
	program := filepath.Join(d.Bin, "demo-game")
	installed := filepath.Join(d.layout.gameDir(), "srcds_linux")
	if same(program, installed) {
		return nil
	}
	fmt.Fprintln(d.stdout, "Installing the simulated game …")
	if err := os.RemoveAll(d.layout.gameDir()); err != nil {
		return err
	}
	c, err := d.start("demo-game", nil, "install", d.layout.gameDir())
	if err != nil {
		return err
	}
	select {
	case <-c.ended:
		if c.err != nil {
			return fmt.Errorf("install the simulated game: %w; see %s", c.err, c.log)
		}
		return nil
	case <-ctx.Done():
		c.stop(time.Second)
		return ctx.Err()
	}
}

// same compares two files by size and content.
func same(a, b string) bool {
	x, errX := os.ReadFile(a)
	y, errY := os.ReadFile(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// startSteam runs the workshop's stand-in and returns its URL.
func (d *demo) startSteam(ctx context.Context) (url string, err error) {
	line, err := d.standIn(ctx, &d.steam, "steam-standin", "--listen", "127.0.0.1:0", "--demo", filepath.Join(d.layout.State, "workshop"))
	_, url, _ = strings.Cut(line, "listening on ")
	return url, err
}

// startSites runs the stand-ins of the example scripts' sites and returns their address.
func (d *demo) startSites(ctx context.Context) (address string, err error) {
	return d.standIn(ctx, &d.sites, "mapsites", "-base", "http://"+sitesHost)
}

// standIn runs a program that says in its first line where it listens, and returns that line.
func (d *demo) standIn(ctx context.Context, keep **child, program string, arguments ...string) (string, error) {
	said := &firstLine{line: make(chan string, 1)}
	c, err := d.start(program, said, arguments...)
	if err != nil {
		return "", err
	}
	*keep = c
	select {
	case line := <-said.line:
		return line, nil
	case <-c.ended:
		return "", fmt.Errorf("%s ended: %w; see %s", program, errors.Join(c.err), c.log)
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// firstLine passes the first line written to it on.
type firstLine struct {
	text []byte
	line chan string
	done bool
}

func (f *firstLine) Write(p []byte) (int, error) {
	if f.done {
		return len(p), nil
	}
	f.text = append(f.text, p...)
	if i := bytes.IndexByte(f.text, '\n'); i >= 0 {
		f.line <- string(f.text[:i])
		f.done = true
	}
	return len(p), nil
}
