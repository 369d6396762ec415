package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// markVariable names the run in the environment of every process of a unit.
const markVariable = "LEFT4ME_UNIT"

// killRound is how long killed processes get to vanish before the next look.
const killRound = 10 * time.Millisecond

// procStat is a part of /proc/PID/stat.
type procStat struct {
	pid, parent, session int
	zombie               bool
	start                uint64
}

func readStat(pid int) (procStat, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return procStat{}, err
	}
	// The name stands in brackets and may hold anything, brackets included.
	i := bytes.LastIndexByte(data, ')')
	fields := strings.Fields(string(data[max(i+1, 0):]))
	if i < 0 || len(fields) < 20 {
		return procStat{}, fmt.Errorf("read /proc/%d/stat: unknown form", pid)
	}
	s := procStat{pid: pid, zombie: fields[0] == "Z" || fields[0] == "X"}
	s.parent, _ = strconv.Atoi(fields[1])
	s.session, _ = strconv.Atoi(fields[3])
	s.start, err = strconv.ParseUint(fields[19], 10, 64)
	return s, err
}

// identify returns the id of a running process.
func identify(pid int) processID {
	s, err := readStat(pid)
	if err != nil {
		return processID{PID: pid}
	}
	return processID{PID: pid, Start: s.start}
}

func bootID() string {
	data, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(data))
}

func eachProcess(visit func(procStat)) {
	dir, err := os.Open("/proc")
	if err != nil {
		return
	}
	defer func() { _ = dir.Close() }()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if s, err := readStat(pid); err == nil && !s.zombie {
				visit(s)
			}
		}
	}
}

// descendants returns the living processes below root.
func descendants(root int) []procStat {
	children := map[int][]procStat{}
	eachProcess(func(s procStat) { children[s.parent] = append(children[s.parent], s) })
	var out []procStat
	queue := children[root]
	for len(queue) > 0 {
		s := queue[0]
		queue = append(queue[1:], children[s.pid]...)
		out = append(out, s)
	}
	return out
}

// marked returns the living processes of a run whose shim is dead: those with its mark, and those in the session
// of its game.
func marked(run string, game processID) []procStat {
	mark := []byte(markVariable + "=" + run)
	self := os.Getpid()
	sessionValid := game.PID > 0
	if s, err := readStat(game.PID); err == nil && s.start != game.Start {
		sessionValid = false // the number belongs to somebody else by now
	}
	var out []procStat
	eachProcess(func(s procStat) {
		if s.pid == self {
			return
		}
		if (sessionValid && s.session == game.PID && s.start >= game.Start) || hasMark(s.pid, mark) {
			out = append(out, s)
		}
	})
	return out
}

func hasMark(pid int, mark []byte) bool {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false
	}
	for entry := range bytes.SplitSeq(data, []byte{0}) {
		if bytes.Equal(entry, mark) {
			return true
		}
	}
	return false
}

// killAll kills what list returns until it returns nothing. Processes are stopped first, so that none forks away
// while the others die.
func killAll(ctx context.Context, list func() []procStat) error {
	for {
		found := list()
		if len(found) == 0 {
			return nil
		}
		for _, sig := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} {
			for _, s := range found {
				signalProcess(s, sig)
			}
		}
		if pause(ctx, killRound); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// signalProcess signals the process that s was read from, and no other that got its number.
func signalProcess(s procStat, sig syscall.Signal) {
	fd, err := openPidfd(processID{PID: s.pid, Start: s.start})
	if err != nil {
		return
	}
	defer func() { _ = unix.Close(fd) }()
	_ = unix.PidfdSendSignal(fd, sig, nil, 0)
}

// openPidfd returns a descriptor of exactly the process that id names.
func openPidfd(id processID) (int, error) {
	fd, err := unix.PidfdOpen(id.PID, unix.PIDFD_NONBLOCK)
	if err != nil {
		return -1, os.NewSyscallError("pidfd_open", err)
	}
	if s, err := readStat(id.PID); err != nil || s.start != id.Start {
		_ = unix.Close(fd)
		return -1, os.ErrProcessDone
	}
	return fd, nil
}

// handle is a process that is not our child.
type handle struct{ file *os.File }

func openHandle(id processID) (*handle, error) {
	fd, err := openPidfd(id)
	if err != nil {
		return nil, err
	}
	return &handle{file: os.NewFile(uintptr(fd), "pidfd")}, nil
}

// wait returns when the process has ended. It occupies no thread.
func (h *handle) wait() error {
	raw, err := h.file.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Read(func(fd uintptr) bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return n > 0 || (err != nil && !errors.Is(err, unix.EINTR))
	})
}

func (h *handle) signal(sig syscall.Signal) error {
	raw, err := h.file.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	if err := raw.Control(func(fd uintptr) { sent = unix.PidfdSendSignal(int(fd), sig, nil, 0) }); err != nil {
		return err
	}
	return sent
}

func (h *handle) close() { _ = h.file.Close() }
