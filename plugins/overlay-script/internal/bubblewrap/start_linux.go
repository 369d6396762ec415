package bubblewrap

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/overlay-script/internal/egress"
)

// running is a script from its start until its last process is gone.
type running struct {
	command *exec.Cmd
	control *net.UnixConn
	stdout  *os.File
	stderr  *os.File
}

// start starts the second stage, which waits for its request. It must be called from the goroutine
// that waits for the end, locked to its thread: the child dies with that thread.
func (s *Sandbox) start(network bool) (*running, error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket pair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(ends[0]), "control"), os.NewFile(uintptr(ends[1]), "control")
	defer ours.Close()
	r := &running{}
	files := []*os.File{theirs}
	defer func() {
		for _, file := range files {
			_ = file.Close()
		}
	}()
	for _, end := range []**os.File{&r.stdout, &r.stderr} {
		read, write, err := os.Pipe()
		if err != nil {
			r.closeFiles()
			return nil, fmt.Errorf("make a pipe: %w", err)
		}
		*end = read
		files = append(files, write)
	}
	connection, err := net.FileConn(ours)
	if err != nil {
		r.closeFiles()
		return nil, err
	}
	r.control = connection.(*net.UnixConn)
	r.command = &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{childName}, Env: []string{"GOMAXPROCS=1", "GOGC=off"}, Dir: "/",
		Stdout: files[1], Stderr: files[2], ExtraFiles: []*os.File{theirs}, // number 3
		SysProcAttr: s.identity.attributes(network),
	}
	if err := r.command.Start(); err != nil {
		r.closeFiles()
		return nil, fmt.Errorf("start a process in a new user namespace: %w", err)
	}
	return r, nil
}

// send gives the child its request and, if it makes sockets, returns them.
func (r *running) send(order request) (egress.Sockets, error) {
	text, err := json.Marshal(order)
	if err != nil {
		return egress.Sockets{}, err
	}
	if _, err := r.control.Write(append(text, '\n')); err != nil {
		return egress.Sockets{}, fmt.Errorf("instruct the sandbox: %w", err)
	}
	if order.Egress == nil {
		return egress.Sockets{}, nil
	}
	what, files, err := receive(r.control)
	if err != nil {
		return egress.Sockets{}, err
	}
	return egress.OpenSockets(files, what.Listeners)
}

// receive reads one reply. The end of the stream without one means that the child became bwrap.
func receive(control *net.UnixConn) (reply, []*os.File, error) {
	text, rights := make([]byte, 64<<10), make([]byte, unix.CmsgSpace(253*4))
	_ = control.SetReadDeadline(time.Now().Add(30 * time.Second))
	n, oobn, _, _, err := control.ReadMsgUnix(text, rights)
	if err != nil {
		return reply{}, nil, err
	}
	if n == 0 {
		return reply{}, nil, io.EOF
	}
	files, err := rightsOf(rights[:oobn])
	if err != nil {
		return reply{}, nil, err
	}
	var what reply
	if err := json.Unmarshal(text[:n], &what); err != nil {
		return reply{}, files, fmt.Errorf("read the sandbox's answer: %w", err)
	}
	if what.Error != "" {
		return reply{}, files, errors.New(what.Error)
	}
	return what, files, nil
}

func rightsOf(raw []byte) ([]*os.File, error) {
	messages, err := unix.ParseSocketControlMessage(raw)
	if err != nil {
		return nil, err
	}
	var out []*os.File
	for _, message := range messages {
		numbers, err := unix.ParseUnixRights(&message)
		if err != nil {
			return nil, err
		}
		for _, number := range numbers {
			unix.CloseOnExec(number)
			out = append(out, os.NewFile(uintptr(number), "socket"))
		}
	}
	return out, nil
}

// await returns when the child became bwrap, or did not.
func (r *running) await() error {
	if _, _, err := receive(r.control); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// kill ends every process of the run: the child, and later bwrap, is the first process of a PID
// namespace, and the kernel lets it go only when all others in it are gone. So nothing is left
// however early it comes; bwrap's own namespace would not do, since its first process waits for bwrap
// for ever when bwrap dies between the two steps of setting it up.
func (r *running) kill() { _ = r.command.Process.Kill() }

func (r *running) closeFiles() {
	for _, file := range []*os.File{r.stdout, r.stderr} {
		if file != nil {
			_ = file.Close()
		}
	}
	if r.control != nil {
		_ = r.control.Close()
	}
}
