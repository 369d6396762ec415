package e2e_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// bin holds the programs, root is the checkout.
var bin, root string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	_, file, _, _ := runtime.Caller(0)
	root = filepath.Join(filepath.Dir(file), "..", "..")
	dir, err := os.MkdirTemp("", "left4me-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = filepath.Join(dir, "bin")
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// Other users run these.
	for _, path := range []string{dir, bin} {
		if err := os.Chmod(path, 0o755); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

func build() error {
	programs := []struct{ dir, pkg, name string }{
		{".", "./agent", "left4me"}, {".", "./web", "left4me-web"}, {".", "./examples/demo-game", "demo-game"},
		{"plugins/mounter-kernel", ".", "mounter-kernel"}, {"plugins/overlay-script", ".", "overlay-script"}, {"plugins/overlay-script", "./cmd/mapsites", "mapsites"},
		{"plugins/overlay-workshop", ".", "overlay-workshop"}, {"plugins/overlay-workshop", "./cmd/steam-standin", "steam-standin"},
		{"plugins/game-steamcmd", ".", "game-steamcmd"}, {"plugins/game-steamcmd", "./cmd/steamcmd-standin", "steamcmd-standin"},
	}
	for _, p := range programs {
		command := exec.Command("go", "build", "-o", filepath.Join(bin, p.name), p.pkg)
		command.Dir = filepath.Join(root, p.dir)
		command.Env = append(os.Environ(), "CGO_ENABLED=0")
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", p.name, err, output)
		}
	}
	return nil
}

// program is a running program whose output the test reads.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	mu     sync.Mutex
	output bytes.Buffer
	ended  chan struct{}
	err    error
}

// start runs a program in its own process group and ends it with the test.
func start(t *testing.T, command *exec.Cmd) *program {
	t.Helper()
	p := &program{t: t, cmd: command, ended: make(chan struct{})}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stdout, command.Stderr = writer, writer
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Setpgid = true
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	_ = writer.Close()
	go p.read(reader)
	go func() {
		p.err = command.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		if !p.endsWithin(60 * time.Second) {
			_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
		}
		if t.Failed() {
			t.Logf("output of %s:\n%s", filepath.Base(command.Path), p.text())
		}
	})
	return p
}

func (p *program) read(r *os.File) {
	defer r.Close()
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		p.mu.Lock()
		p.output.WriteString(lines.Text() + "\n")
		p.mu.Unlock()
	}
}

func (p *program) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

func (p *program) endsWithin(d time.Duration) bool {
	select {
	case <-p.ended:
		return true
	case <-time.After(d):
		return false
	}
}

// says waits until the output holds text.
func (p *program) says(text string) {
	p.t.Helper()
	eventually(p.t, fmt.Sprintf("the output has %q", text), func() bool {
		if strings.Contains(p.text(), text) {
			return true
		}
		select {
		case <-p.ended:
			p.t.Fatalf("it ended (%v) without saying %q:\n%s", p.err, text, p.text())
		default:
		}
		return false
	})
}

// eventually waits for a condition; the bound only keeps a broken run from lasting for ever.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("it never came about that %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// openDir is a directory that every user may pass through, unlike t.TempDir below a private one.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "left4me-e2e-state-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// cli runs a command against the agent of a state directory and returns its standard output.
func cli(t *testing.T, state string, arguments ...string) string {
	t.Helper()
	output, err := try(state, arguments...)
	if err != nil {
		t.Fatalf("left4me %s: %v", strings.Join(arguments, " "), err)
	}
	return output
}

// asUser makes the commands of a test run as another user; nil = as the test. Tests here do not run in parallel.
var asUser *syscall.Credential

func try(state string, arguments ...string) (string, error) {
	command := exec.Command(filepath.Join(bin, "left4me"), append([]string{"--socket", filepath.Join(state, "run", "agent.sock")}, arguments...)...)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: asUser}
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%w: %s", err, stderr.String())
	}
	return stdout.String(), nil
}

// mounts returns the mounts of this process' namespace that have to do with a demo. Other tests mount things too.
func mounts(t *testing.T, state string) []string {
	t.Helper()
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(string(data), "\n"), func(line string) bool {
		return !strings.Contains(line, state) && !strings.Contains(line, "left4me:") && !strings.Contains(line, "/mnt/left4me")
	})
}

// processes lists running programs of bin, by command line.
func processes(t *testing.T) []string {
	t.Helper()
	entries, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, entry := range entries {
		data, _ := os.ReadFile(entry)
		line := strings.TrimSpace(strings.ReplaceAll(string(data), "\x00", " "))
		if strings.Contains(line, bin) || strings.Contains(line, "/mnt/left4me") {
			out = append(out, line)
		}
	}
	return out
}
