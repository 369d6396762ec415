package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/sdk"
)

const (
	launchWrite = 2 * time.Second        // for a plugin that does not read its launch line
	drainOutput = time.Second            // for output that a stray grandchild keeps open
	termGrace   = 500 * time.Millisecond // from SIGTERM to SIGKILL
)

// child is a plugin that the agent starts itself, in a process group of its own.
type child struct {
	*link
	launch   Launch
	identity identity

	cmd    *exec.Cmd
	stdin  *os.File // its end ends the plugin
	output [2]*os.File

	mu     sync.Mutex
	number int  // of the process and its group; 0 when it is not there to be signaled
	doomed bool // killed before it was started
}

func newChild(l Launch, id identity, log *sink) process {
	return &child{link: newLink(log), launch: l, identity: id}
}

func (c *child) prepare(environ []string, socketDir string) error {
	c.environ, c.socketDir = environ, socketDir
	if c.identity.change {
		return os.Chown(socketDir, int(c.identity.uid), int(c.identity.gid))
	}
	return nil
}

// Start implements runner.Runner.
func (c *child) Start(context.Context) error {
	err := c.start()
	if err != nil && c.pid() == 0 {
		c.finish("was not started")
	}
	return err
}

func (c *child) start() error {
	program, p := openBinary(c.launch.Command[0], c.launch.Checksum)
	if p != nil {
		c.fail(p)
		return errors.New(p.what)
	}
	defer program.close()
	ends, err := c.pipes()
	if err != nil {
		c.closePipes()
		return err
	}
	c.command(program, ends)
	started := make(chan error)
	go c.own(started)
	err = <-started
	for _, end := range ends {
		_ = end.Close() // the child has its own
	}
	if err != nil {
		c.fail(execProblem(c.launch.Command[0], err))
		return err
	}
	_ = c.stdin.SetWriteDeadline(time.Now().Add(launchWrite)) // a pipe takes deadlines
	if _, err := c.stdin.Write(sdk.FormatLaunch(c.environ)); err != nil {
		c.kill()
		return fmt.Errorf("write the launch line: %w", err)
	}
	return nil
}

// pipes makes the child's ends of standard input, output and error.
func (c *child) pipes() (ends [3]*os.File, err error) {
	if ends[0], c.stdin, err = os.Pipe(); err != nil {
		return ends, err
	}
	for i := range c.output {
		if c.output[i], ends[i+1], err = os.Pipe(); err != nil {
			return ends, err
		}
	}
	return ends, nil
}

func (c *child) command(program *binary, ends [3]*os.File) {
	c.cmd = &exec.Cmd{
		Path:   fmt.Sprintf("/proc/self/fd/%d", program.file.Fd()),
		Args:   c.launch.Command,
		Env:    c.environment(),
		Dir:    "/",
		Stdin:  ends[0],
		Stdout: ends[1],
		Stderr: ends[2],
		SysProcAttr: &syscall.SysProcAttr{
			Setpgid:   true,
			Pdeathsig: syscall.SIGKILL, // if the agent dies and the plugin ignores the end of its input
		},
	}
	if program.script {
		// The interpreter opens the script by this name, so the descriptor must outlive the exec.
		c.cmd.Path, c.cmd.ExtraFiles = "/proc/self/fd/3", []*os.File{program.file}
	}
	if c.identity.change {
		c.cmd.SysProcAttr.Credential = &syscall.Credential{
			Uid: c.identity.uid, Gid: c.identity.gid, Groups: c.identity.groups,
		}
		if c.identity.uid != 0 {
			c.cmd.SysProcAttr.AmbientCaps = c.identity.caps
		}
	}
}

// environment of the plugin: nothing of the agent's own, which may hold secrets.
func (c *child) environment() []string {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=" + c.identity.home}
	for _, name := range sortedKeys(c.launch.Environment) {
		env = append(env, name+"="+c.launch.Environment[name])
	}
	return env
}

// own starts the child and waits for it on a thread that does nothing else. The thread gives up
// privileges that the child shall not have, and never gets them back; and the kernel sends the
// parent-death signal when this thread ends, not the process. The thread ends with the goroutine.
func (c *child) own(started chan<- error) {
	runtime.LockOSThread()
	err := confine(c.identity)
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		c.closePipes()
		started <- err
		return
	}
	c.mu.Lock()
	c.number = c.cmd.Process.Pid
	if c.doomed {
		_ = unix.Kill(-c.number, unix.SIGKILL) // it ends meanwhile, or has ended
	}
	c.mu.Unlock()
	var readers sync.WaitGroup
	readers.Go(func() { c.read(c.output[0]) })
	readers.Go(func() { c.log.read(c.output[1]) })
	started <- nil
	how := c.reap()
	for _, output := range c.output {
		_ = output.SetReadDeadline(time.Now().Add(drainOutput)) // a pipe takes deadlines
	}
	readers.Wait()
	c.closePipes()
	c.finish(how)
}

// reap waits for the child's end and ends what is left of its group. The zombie keeps the number from
// being given to another group meanwhile.
func (c *child) reap() string {
	pid := c.cmd.Process.Pid
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = unix.Kill(-pid, unix.SIGKILL) // nobody left is fine
	c.number = 0
	_ = c.cmd.Wait() // the state below tells how it ended
	state, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case ok && state.Signaled():
		return "was killed by " + signalName(state.Signal())
	case ok && state.ExitStatus() == 0:
		return "ended by itself"
	}
	return "ended with status " + strconv.Itoa(c.cmd.ProcessState.ExitCode())
}

func signalName(signal syscall.Signal) string {
	if name := unix.SignalName(signal); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", int(signal))
}

func (c *child) closePipes() {
	for _, file := range []*os.File{c.stdin, c.output[0], c.output[1]} {
		_ = file.Close() // only read, or gone
	}
}

// Kill implements runner.Runner: it asks, and uses force soon after.
func (c *child) Kill(context.Context) error {
	_ = c.stdin.Close() // closed already is fine
	c.signal(unix.SIGTERM, false)
	timer := time.NewTimer(termGrace)
	defer timer.Stop()
	select {
	case <-c.ended:
	case <-timer.C:
		c.kill()
	}
	return nil
}

func (c *child) kill() { c.signal(unix.SIGKILL, true) }

func (c *child) signal(signal syscall.Signal, group bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.number == 0 {
		c.doomed = true
		return
	}
	c.ask()
	target := c.number
	if group {
		target = -target
	}
	_ = unix.Kill(target, signal) // it ends meanwhile, or has ended
}

func (c *child) pid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.number
}

// ID implements runner.Runner. It does not change: go-plugin takes "" for "never started".
func (c *child) ID() string {
	if c.cmd == nil || c.cmd.Process == nil {
		return ""
	}
	return strconv.Itoa(c.cmd.Process.Pid)
}

// Name implements runner.Runner.
func (c *child) Name() string { return c.launch.Command[0] }

// execProblem says why the kernel did not execute a program.
func execProblem(path string, err error) *problem {
	var p *problem
	switch {
	case errors.Is(err, unix.ENOEXEC):
		p = lasting(fault.Precondition, "cannot be started: %s is not a program for this machine.", path).
			mend("Install the build for this machine's architecture.")
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		p = lasting(fault.Precondition, "cannot be started: its user may not execute %s (%s).", path, reason(err)).
			mend("Check the mode of the file, and that its file system is not mounted noexec.")
	default:
		p = passing(nil, "cannot be started: %s.", reason(err))
	}
	p.cause = err
	return p
}
