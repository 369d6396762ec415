package pluginhost_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/pluginhost"
)

// TestLies: answers that break the protocol are errors of the call, and the plugin goes on.
func TestLies(t *testing.T) {
	r := newRig(t, nil, behaving("overlay-x", "liar"))
	r.Start()
	b, err := r.Builder("overlay-x")
	if err != nil {
		t.Fatal(err)
	}
	for settings, says := range map[string]string{
		"two results": "an event followed the result",
		"no result":   "the build ended without a result",
		"gap":         "event 3 came in place of event 2",
		"from zero":   "event 0 came in place of event 1",
		"huge output": "an output of 1048576 bytes is larger than 32768",
	} {
		request := doing("")
		request.Settings = json.RawMessage(settings)
		_, err := b.Build(t.Context(), request, &recorder{})
		wantFault(t, err, fault.Internal, "plugin:overlay-x", says)
	}
	request := doing("")
	request.Settings = json.RawMessage("100 MB")
	before := heap()
	_, err = b.Build(t.Context(), request, &recorder{})
	wantFault(t, err, fault.Invalid, "plugin:overlay-x", "larger than the plugin protocol allows")
	_, err = b.Validate(t.Context(), nil)
	wantFault(t, err, fault.Invalid, "plugin:overlay-x", "larger than the plugin protocol allows")
	if grown := heap() - before; grown > 32<<20 {
		t.Errorf("the host keeps %d MiB after two messages of 100 MB", grown>>20)
	}
	if s := r.awaitState("overlay-x", pluginhost.Ready); s.Restarts != 0 {
		t.Errorf("%+v", s)
	}
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestGarbageOnStdout(t *testing.T) {
	r := newRig(t, nil, behaving("overlay-x", "garbage"))
	r.Start()
	r.awaitState("overlay-x", pluginhost.Ready)
	if err := r.Restart(t.Context(), "overlay-x"); err != nil {
		t.Error(err)
	}
}

// TestNastyLog: lines that make go-plugin's own parser panic, and others meant to confuse.
func TestNastyLog(t *testing.T) {
	r := newRig(t, nil, behaving("overlay-x", "nasty-log"))
	r.Start()
	r.awaitState("overlay-x", pluginhost.Ready)
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	text := r.logs.String()
	for _, want := range []string{
		`level=INFO msg=5 plugin=overlay-x`,
		`level=ERROR msg=nested plugin=overlay-x _plugin=somebody-else value="{\"deep\":[1,2,{\"x\":null}]}"`,
		`msg="{\"@level\":\"warn\""`,
		`msg="[31mred and ` + "\uFFFD" + ` broken"`,
		`level=DEBUG msg="[DEBUG] quiet"`,
		`level=ERROR msg="[ERROR] loud"`,
		`discarded_bytes=139264`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the log has no %s", want)
		}
	}
	if strings.ContainsAny(text, "\x00\x1b\u202e") {
		t.Error("control characters reached the log")
	}
}

func TestLogFlood(t *testing.T) {
	r := newRig(t, nil, behaving("overlay-x", "flood"))
	r.Start()
	b, err := r.Builder("overlay-x")
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := b.Build(t.Context(), doing("work"), &recorder{}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := r.Get("overlay-x")
	if err != nil || len(s.Log) != 200 || !strings.HasPrefix(s.Log[0], "error: flood n=") {
		t.Errorf("%d lines, %v", len(s.Log), err)
	}
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.logs.String(), "the plugin logs too much, lines were dropped") {
		t.Error("nothing says that lines were dropped")
	}
}

// TestGigabyteLine: one line of 1 GiB costs 64 KiB.
func TestGigabyteLine(t *testing.T) {
	if testing.Short() {
		t.Skip("moves a gigabyte")
	}
	r := newRig(t, nil, behaving("overlay-x", "gigabyte"))
	r.Start()
	b, err := r.Builder("overlay-x")
	if err != nil {
		t.Fatal(err)
	}
	before := heap()
	if _, err := b.Validate(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if grown := heap() - before; grown > 16<<20 {
		t.Errorf("the host grew by %d MiB", grown>>20)
	}
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	text := r.logs.String()
	if !strings.Contains(text, "discarded_bytes="+strconv.Itoa(1<<30-64<<10)) || !strings.Contains(text, "msg=after") {
		t.Error("the log does not say what was discarded, or what came after")
	}
}

func TestHealthFlood(t *testing.T) {
	r := newRig(t, nil, behaving("overlay-x", "health-flood"))
	r.Start()
	r.awaitState("overlay-x", pluginhost.Degraded)
	r.awaitState("overlay-x", pluginhost.Ready)
}

// TestStubborn: a plugin that ignores SIGTERM and the end of its input is killed.
func TestStubborn(t *testing.T) {
	r := newRig(t, nil, behaving("overlay-x", "stubborn"))
	r.Start()
	pid := r.awaitState("overlay-x", pluginhost.Ready).PID
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := unix.Kill(pid, 0); err != unix.ESRCH {
		t.Errorf("process %d is still there: %v", pid, err)
	}
}

// TestOrphans: children that hold the plugin's output open delay nothing for long. Those of its process group
// end with it.
func TestOrphans(t *testing.T) {
	r := newRig(t, nil, behaving("overlay-x", "orphans"))
	r.Start()
	pid := r.awaitState("overlay-x", pluginhost.Ready).PID
	kill(t, pid, unix.SIGKILL)
	r.await("overlay-x", "ready again", func(s pluginhost.Status) bool {
		return s.State == pluginhost.Ready && s.Restarts == 1
	})
	for _, orphan := range processes(r.dir) {
		if group, err := unix.Getpgid(orphan); err == nil && group == pid {
			t.Errorf("process %d of the first run's group lives", orphan)
		}
	}
}

// TestReplacedProgram: what was checked is what runs, and a changed program is not started again.
func TestReplacedProgram(t *testing.T) {
	p := behaving("overlay-x", "good")
	data, err := os.ReadFile(p.Launch.Command[0])
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "plugin")
	if err := os.WriteFile(program, data, 0o755); err != nil {
		t.Fatal(err)
	}
	p.Launch.Command[0], p.Launch.Checksum = program, sumOf(data)
	r := newRig(t, nil, p)
	r.Start()
	pid := r.awaitState("overlay-x", pluginhost.Ready).PID
	replacement := program + ".new"
	if err := os.WriteFile(replacement, append(data, 0), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(replacement, program); err != nil {
		t.Fatal(err)
	}
	kill(t, pid, unix.SIGKILL)
	s := r.awaitState("overlay-x", pluginhost.Failed)
	if !strings.Contains(s.Description, "not the configured one") {
		t.Errorf("says %q", s.Description)
	}
}

// TestHostDies kills the host: its plugins end, whether they watch their input or not.
func TestHostDies(t *testing.T) {
	for _, behavior := range []string{"good", "stubborn"} {
		t.Run(behavior, func(t *testing.T) {
			dir, err := os.MkdirTemp("/run", "l4m")
			if err != nil {
				t.Skipf("needs a short directory for sockets: %v", err)
			}
			defer os.RemoveAll(dir)
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			host := exec.Command(self, asPlugin, "host", dir)
			host.Env = []string{"MARK=" + dir, "BEHAVIOR=" + behavior}
			host.Stderr = os.Stderr
			if _, err := host.StdinPipe(); err != nil {
				t.Fatal(err)
			}
			stdout, err := host.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := host.Start(); err != nil {
				t.Fatal(err)
			}
			line := make([]byte, 32)
			n, err := stdout.Read(line)
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(string(bytes.TrimSpace(line[:n])))
			if err != nil {
				t.Fatal(err)
			}
			plugin := openProcess(t, pid)
			if err := host.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = host.Wait() // it was killed
			awaitEnd(t, plugin)
			if left := processes(dir); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// openProcess returns a pidfd, so that the wait is for this process and no other.
func openProcess(t *testing.T, pid int) int {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatalf("process %d: %v", pid, err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

func awaitEnd(t *testing.T, pidfd int) {
	t.Helper()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int(patience.Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if n == 0 || err != nil {
			t.Fatalf("the plugin outlives its host: %v", err)
		}
		return
	}
}
