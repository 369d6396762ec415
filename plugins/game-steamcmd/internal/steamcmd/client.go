// Package steamcmd runs Valve's steamcmd.
//
// steamcmd is a program of somebody else that replaces itself from the network, so it gets a home directory and an
// environment of its own and nothing else. It runs on a pseudo terminal, because on a pipe its progress arrives in
// blocks, long after the fact; when the terminal closes, because this process died in whatever way, the kernel
// hangs it up.
package steamcmd

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// maxLine bounds one line, in bytes; what is longer comes in pieces.
const maxLine = 8 << 10

// Client runs steamcmd. Runs are one after another, because steamcmd keeps state in its home directory. It is
// safe for concurrent use.
type Client struct {
	Config
	running sync.Mutex
}

// Config says what is run and where.
type Config struct {
	Path  string        // of steamcmd.sh or a wrapper of it
	Home  string        // directory that becomes its home; made when absent
	Stall time.Duration // without a word for so long, a run is given up
}

// ErrStalled is the cause of a run that said nothing for too long.
var ErrStalled = errors.New("steamcmd said nothing for too long")

// Exit is how a run ended that was not given up.
type Exit struct {
	Code     int
	Terminal bool // it had a terminal, so its words came at once
}

// Run runs steamcmd with arguments and calls line for each line it prints, without the line's end, from one
// goroutine. It returns when every process it started is gone.
func (c *Client) Run(ctx context.Context, line func(string), arguments ...string) (Exit, error) {
	c.running.Lock()
	defer c.running.Unlock()
	if err := ctx.Err(); err != nil {
		return Exit{}, err
	}
	if err := os.MkdirAll(c.Home, 0o700); err != nil {
		return Exit{}, err
	}
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	command := exec.CommandContext(ctx, c.Path, arguments...)
	command.Dir = c.Home
	command.Env = []string{"HOME=" + c.Home, "PATH=" + cmp.Or(os.Getenv("PATH"), "/usr/bin:/bin"), "LANG=C.UTF-8", "TERM=dumb"}
	for _, proxy := range []string{"http_proxy", "https_proxy", "no_proxy"} {
		if value := os.Getenv(proxy); value != "" {
			command.Env = append(command.Env, proxy+"="+value)
		}
	}
	command.WaitDelay = time.Second
	output, terminal, err := start(command)
	if err != nil {
		return Exit{}, fmt.Errorf("start %s: %w", filepath.Base(c.Path), err)
	}
	watchdog := time.AfterFunc(c.Stall, func() { giveUp(ErrStalled) })
	defer watchdog.Stop()
	ended := make(chan error, 1)
	go func() {
		err := command.Wait()
		end(command) // what it started must not outlive it
		ended <- err
	}()
	read(output, func(text string) {
		watchdog.Reset(c.Stall)
		line(text)
	})
	err = <-ended
	_ = output.Close() // only read from
	if ctx.Err() != nil {
		return Exit{}, context.Cause(ctx)
	}
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		return Exit{}, err
	}
	return Exit{Code: command.ProcessState.ExitCode(), Terminal: terminal}, nil
}

// read cuts output into lines until it ends. A carriage return ends a line too: progress bars use it.
func read(output io.Reader, line func(string)) {
	var rest []byte
	chunk := make([]byte, 16<<10)
	emit := func(raw []byte) {
		if text := strings.ToValidUTF8(strings.TrimRight(string(raw), " \t"), "?"); text != "" {
			line(text)
		}
	}
	for {
		n, err := output.Read(chunk)
		rest = append(rest, chunk[:n]...)
		for {
			i := bytes.IndexAny(rest, "\r\n")
			if i < 0 && len(rest) < maxLine {
				break
			}
			if i < 0 || i > maxLine {
				emit(rest[:maxLine])
				rest = rest[maxLine:]
				continue
			}
			emit(rest[:i])
			rest = rest[i+1:]
		}
		if err != nil { // a terminal whose last process is gone reads as EIO
			emit(rest)
			return
		}
	}
}
