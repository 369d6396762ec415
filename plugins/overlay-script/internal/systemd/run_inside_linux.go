package systemd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/overlay-script/internal/view"
)

// patience is how long the program inside waits for its request, in milliseconds.
const patience = 10_000

// Arguments by which the plugin's program knows that it is in a sandbox.
const (
	runArgument  = "sandbox-run"  // the unit's program
	initArgument = "sandbox-init" // the first process of the script's PID namespace
)

// MaybeRun never returns in the programs of a sandbox unit. The plugin calls it first thing in main.
func MaybeRun() {
	if len(os.Args) != 2 {
		return
	}
	switch os.Args[1] {
	case runArgument:
		if err := runInside(); err != nil {
			fmt.Fprintln(os.Stderr, "left4me sandbox:", err)
			os.Exit(1)
		}
		os.Exit(0)
	case initArgument:
		os.Exit(beInit())
	}
}

// inside is the program of a sandbox unit.
type inside struct {
	order                        request
	stdout, stderr, status, life *os.File
}

func runInside() error {
	order, err := awaitRequest(insideDir)
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	p := &inside{order: order}
	if err := p.open(insideDir); err != nil {
		return err
	}
	p.report(p.run())
	// The plugin reads the last figures of this cgroup, then lets go.
	p.awaitRelease()
	return nil
}

// awaitRequest waits for the file that the plugin moves into dir when all is there.
func awaitRequest(dir string) (request, error) {
	var order request
	notify, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return order, err
	}
	defer unix.Close(notify)
	if _, err := unix.InotifyAddWatch(notify, dir, unix.IN_MOVED_TO); err != nil {
		return order, err
	}
	path := filepath.Join(dir, requestName)
	for {
		text, err := os.ReadFile(path)
		if err == nil {
			return order, json.Unmarshal(text, &order)
		}
		if !errors.Is(err, os.ErrNotExist) {
			return order, err
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(notify), Events: unix.POLLIN}}, patience)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return order, errors.Join(err, errors.New("the plugin asked for nothing"))
		}
		var buffer [4096]byte
		if _, err := unix.Read(notify, buffer[:]); err != nil {
			return order, err
		}
	}
}

// open opens the ends of the pipes in dir. It does not wait for the plugin, which has them open before it asks: if they are
// not, it was killed since, and a unit that waited for it would be there until its longest time is over.
func (p *inside) open(dir string) error {
	for _, pipe := range []struct {
		name string
		flag int
		file **os.File
	}{
		{statusName, os.O_WRONLY, &p.status}, {lifeName, os.O_RDONLY, &p.life},
		{stdoutName, os.O_WRONLY, &p.stdout}, {stderrName, os.O_WRONLY, &p.stderr},
	} {
		// Not by os.OpenFile: the script gets the ends, and they must block when they are open.
		fd, err := unix.Open(filepath.Join(dir, pipe.name), pipe.flag|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.ENXIO) {
			return fmt.Errorf("open %s: the plugin has let go of it", pipe.name)
		}
		if err == nil {
			err = unix.SetNonblock(fd, false)
		}
		if err != nil {
			return fmt.Errorf("open %s: %w", pipe.name, err)
		}
		*pipe.file = os.NewFile(uintptr(fd), pipe.name)
	}
	return nil
}

// run runs the script when the plugin says so, and returns how it ended.
func (p *inside) run() report {
	if err := p.checkTree(); err != nil {
		return report{Error: err.Error()}
	}
	p.report(report{Ready: true})
	if _, err := p.life.Read(make([]byte, 1)); err != nil {
		return report{Error: "wait for the plugin: " + err.Error()}
	}
	go p.dieWithThePlugin()
	command, failures, err := p.start()
	if err != nil {
		return report{Error: err.Error()}
	}
	// The pipe ends when the script begins. What comes before says why it does not.
	failure, err := io.ReadAll(failures)
	if err != nil || len(failure) > 0 {
		_ = command.Wait()
		return report{Error: string(failure)}
	}
	return ended(command.Wait())
}

// start starts the first process of the script's own namespaces. PrivateUsers= hides other processes of the script's
// user, but does not keep it from killing them by number: a PID namespace does.
func (p *inside) start() (*exec.Cmd, *os.File, error) {
	failures, theirs, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer theirs.Close()
	orders, ours, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer orders.Close()
	defer ours.Close()
	command := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{os.Args[0], initArgument}, Dir: view.Tree, Env: []string{"GOMAXPROCS=1"},
		Stdout: p.stdout, Stderr: p.stderr, ExtraFiles: []*os.File{theirs, orders},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}},
			Setsid:      true,
			AmbientCaps: []uintptr{unix.CAP_SYS_ADMIN}, // to mount /proc; gone before the script
		},
	}
	if err := command.Start(); err != nil {
		return nil, nil, fmt.Errorf("start a process in namespaces of its own (user namespaces may be turned off on this host): %w", err)
	}
	// The pipes end when the script's processes have let go of them.
	if err := errors.Join(p.stdout.Close(), p.stderr.Close()); err != nil {
		return nil, nil, err
	}
	return command, failures, json.NewEncoder(ours).Encode(p.order)
}

// checkTree makes sure that the unit shows the tree that the plugin was given.
func (p *inside) checkTree() error {
	var stat unix.Stat_t
	if err := unix.Stat(view.Tree, &stat); err != nil {
		return err
	}
	if stat.Dev != p.order.Device || stat.Ino != p.order.Inode {
		return errors.New("the unit left4me-sandbox@.service shows another directory than the staging tree: its BindPaths= does not fit the content directory of the mounter")
	}
	return nil
}

// dieWithThePlugin ends the unit when the plugin lets go of its pipe.
func (p *inside) dieWithThePlugin() {
	p.awaitRelease()
	os.Exit(0)
}

func (p *inside) awaitRelease() { _, _ = io.Copy(io.Discard, p.life) }

// report tells the plugin. If it is gone, nobody needs to know.
func (p *inside) report(what report) {
	text, err := json.Marshal(what)
	if err == nil {
		_, _ = p.status.Write(append(text, '\n'))
	}
}

// ended turns the end of the script into a report.
func ended(failure error) report {
	exit, ok := errors.AsType[*exec.ExitError](failure)
	switch {
	case failure == nil:
		return report{}
	case !ok:
		return report{Error: failure.Error()}
	}
	return report{Code: exit.ExitCode()}
}
