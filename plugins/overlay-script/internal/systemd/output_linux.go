package systemd

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// output reads a pipe until the run is over and nothing is left in it.
type output struct {
	file *os.File
	done chan struct{}
}

const chunk = 32 << 10

// read passes data on. A slow taker slows the script down: nothing is kept in memory.
func read(file *os.File, to func([]byte)) *output {
	o := &output{file: file, done: make(chan struct{})}
	go func() {
		defer close(o.done)
		buffer := make([]byte, chunk)
		for {
			n, err := file.Read(buffer)
			if n > 0 {
				to(buffer[:n])
			}
			if err != nil {
				break
			}
		}
		// Interrupted by finish: nobody writes any more.
		o.rest(buffer, to)
	}()
	return o
}

func (o *output) rest(buffer []byte, to func([]byte)) {
	raw, err := o.file.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		for {
			n, err := unix.Read(int(fd), buffer)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil || n == 0 {
				return
			}
			to(buffer[:n])
		}
	})
}

// finish reads what is left. No process of the run may be left.
func (o *output) finish() {
	_ = o.file.SetReadDeadline(time.Unix(1, 0))
	<-o.done
}
