package bubblewrap

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/overlay-script/internal/egress"
)

// childName is argv[0] of the second stage.
const childName = "left4me-sandbox-child"

// controlFD is the child's end of the socket to the plugin.
const controlFD = 3

// request is what the plugin tells the child.
type request struct {
	Bwrap       string
	Operations  []operation
	Interpreter []string // and its arguments
	Limits      []rlimit
	Egress      *egress.Plan // nil: no sockets to make
}

type rlimit struct {
	Resource int
	Value    uint64
}

// reply is what the child answers. Files come beside it, listeners first.
type reply struct {
	Listeners int
	Error     string
}

// MaybeChild never returns in a process that the sandbox started for itself. A program that uses the
// sandbox calls it first thing in main, a test in TestMain.
func MaybeChild() {
	if len(os.Args) == 0 || os.Args[0] != childName {
		return
	}
	// Priorities belong to threads, and exec keeps those of the thread that calls it.
	runtime.LockOSThread()
	unix.CloseOnExec(controlFD)
	// Whatever else the plugin inherited from its own parent stays here. Older kernels than 5.11
	// refuse the flag; Go's own descriptors are closed on exec anyway.
	_ = unix.CloseRange(controlFD+1, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC)
	control, err := net.FileConn(os.NewFile(controlFD, "control"))
	if err != nil {
		os.Exit(125)
	}
	connection := control.(*net.UnixConn)
	err = becomeBwrap(connection)
	_ = answer(connection, reply{Error: err.Error()}, nil) // the plugin is gone
	os.Exit(125)
}

// becomeBwrap only returns when something failed.
func becomeBwrap(control *net.UnixConn) error {
	var order request
	if err := json.NewDecoder(control).Decode(&order); err != nil {
		return fmt.Errorf("read the plugin's request: %w", err)
	}
	// Bwrap looks for its child in /proc by the number that it has in this PID namespace. With the host's /proc it finds
	// another process, or, in a container with few, none. Where this is not allowed, bwrap's own /proc is not either.
	_ = unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	if order.Egress != nil {
		listeners, packets, err := egress.Enter(*order.Egress)
		if err != nil {
			return fmt.Errorf("prepare the network: %w", err)
		}
		files := slices.Concat(listeners, packets)
		if err := answer(control, reply{Listeners: len(listeners)}, files); err != nil {
			return fmt.Errorf("hand over the network: %w", err)
		}
		for _, file := range files {
			_ = file.Close()
		}
	}
	yieldToOthers()
	arguments, err := commandLine(order)
	if err != nil {
		return err
	}
	for _, limit := range order.Limits {
		value := unix.Rlimit{Cur: limit.Value, Max: limit.Value}
		if err := unix.Setrlimit(limit.Resource, &value); err != nil {
			return fmt.Errorf("set resource limit %d to %d: %w", limit.Resource, limit.Value, err)
		}
	}
	err = unix.Exec(order.Bwrap, arguments, []string{})
	return fmt.Errorf("start %s: %w", order.Bwrap, err)
}

// yieldToOthers puts game servers first: least disk priority, low CPU priority, first to be killed
// when the host runs out of memory. All of it is a courtesy, so failures do not matter.
func yieldToOthers() {
	const idleClass = 3 << 13 // IOPRIO_CLASS_IDLE, linux/ioprio.h
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 10)
	_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, 1, 0, idleClass)
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("500"), 0)
}

// commandLine puts all arguments that may hold secrets into a file in memory.
func commandLine(order request) ([]string, error) {
	var text bytes.Buffer
	for _, operation := range order.Operations {
		number := ""
		if operation.Data != nil {
			fd, err := inMemory(operation.Data)
			if err != nil {
				return nil, err
			}
			number = strconv.Itoa(fd)
		}
		for _, argument := range operation.Arguments {
			if argument == descriptor && operation.Data != nil {
				argument = number
			}
			text.WriteString(argument)
			text.WriteByte(0)
		}
	}
	fd, err := inMemory(text.Bytes())
	if err != nil {
		return nil, err
	}
	return append([]string{"bwrap", "--args", strconv.Itoa(fd), "--"}, order.Interpreter...), nil
}

// inMemory returns a descriptor that bwrap inherits and that reads data from the start.
func inMemory(data []byte) (int, error) {
	fd, err := unix.MemfdCreate("left4me", 0)
	if err != nil {
		return -1, fmt.Errorf("make a file in memory: %w", err)
	}
	for rest := data; len(rest) > 0; {
		n, err := unix.Write(fd, rest)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return -1, err
		}
		rest = rest[max(n, 0):]
	}
	_, err = unix.Seek(fd, 0, 0)
	return fd, err
}

func answer(control *net.UnixConn, what reply, files []*os.File) error {
	text, err := json.Marshal(what)
	if err != nil {
		return err
	}
	var rights []byte
	if len(files) > 0 {
		numbers := make([]int, len(files))
		for i, file := range files {
			numbers[i] = int(file.Fd())
		}
		rights = unix.UnixRights(numbers...)
	}
	_, _, err = control.WriteMsgUnix(text, rights, nil)
	return err
}
