package process

import (
	"bufio"
	"errors"
	"os"
	"time"
)

// console moves what the game prints into the segments.
type console struct {
	input  *os.File // the game's end
	output *os.File
	done   chan struct{}
}

// settleAfter is how long the game must be quiet before dropped lines are told.
const settleAfter = time.Second

func startConsole(dir string, limits ConsoleLimits) (*console, error) {
	w, err := openConsole(dir, limits, time.Now())
	if err != nil {
		return nil, err
	}
	output, input, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c := &console{input: input, output: output, done: make(chan struct{})}
	go c.pump(w)
	return c, nil
}

func (c *console) pump(w *consoleWriter) {
	defer close(c.done)
	r := bufio.NewReaderSize(c.output, 64<<10)
	buf := make([]byte, 64<<10)
	for {
		if w.dropped > 0 {
			_ = c.output.SetReadDeadline(time.Now().Add(settleAfter))
		} else {
			_ = c.output.SetReadDeadline(time.Time{})
		}
		n, err := r.Read(buf)
		w.Feed(buf[:n], time.Now())
		if errors.Is(err, os.ErrDeadlineExceeded) {
			w.Settle(time.Now())
		} else if err != nil {
			break
		}
	}
	_ = w.Close(time.Now())
}

// close waits for the last lines. Everybody who could print is gone, unless somebody outside holds the pipe.
func (c *console) close() {
	select {
	case <-c.done:
	case <-time.After(time.Second):
		_ = c.output.SetReadDeadline(time.Unix(1, 0))
		_ = c.output.Close()
		<-c.done
	}
}
