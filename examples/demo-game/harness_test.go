package main_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var program string // the built demo-game

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "demo-game-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program = filepath.Join(dir, "demo-game")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		panic(string(out))
	}
	return m.Run()
}

// patience bounds waits for what must happen; passing it is a failure, not a measurement.
const patience = 30 * time.Second

func install(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "game")
	if out, err := exec.Command(program, "install", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// console collects what a server prints, and tells waiters.
type console struct {
	mu   sync.Mutex
	cond *sync.Cond
	text bytes.Buffer
	done bool
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.cond.Broadcast()
	return c.text.Write(p)
}

func (c *console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// game is one running server.
type game struct {
	t     testing.TB
	dir   string
	port  int
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *console
	ended chan error
}

// start runs program with args in dir and waits until it prints ready.
func start(t testing.TB, dir, name, ready string, args ...string) *game {
	t.Helper()
	g := &game{t: t, dir: dir, port: freePort(t), out: &console{}, ended: make(chan error, 1)}
	g.out.cond = sync.NewCond(&g.out.mu)
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "PORT", fmt.Sprint(g.port))
	}
	g.cmd = exec.Command("./"+name, args...)
	g.cmd.Dir, g.cmd.Stdout, g.cmd.Stderr = dir, g.out, g.out
	g.cmd.Env = []string{"HOME=/nonexistent", "PATH=" + os.Getenv("PATH")}
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	if g.stdin, err = g.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		err := g.cmd.Wait()
		g.out.mu.Lock()
		g.out.done = true
		g.out.cond.Broadcast()
		g.out.mu.Unlock()
		g.ended <- err
	}()
	t.Cleanup(func() { _ = syscall.Kill(-g.cmd.Process.Pid, syscall.SIGKILL); g.waitPrintedOrEnd("\x00never") })
	if ready != "" && !g.waitPrintedOrEnd(ready) {
		t.Fatalf("never printed %q:\n%s", ready, g.out)
	}
	return g
}

// serve starts srcds_linux on loopback with a map and RCON.
func serve(t testing.TB, dir string, args ...string) *game {
	t.Helper()
	return start(t, dir, "srcds_linux", "VAC secure", append([]string{
		"-game", "left4dead2", "-strictportbind", "+ip", "127.0.0.1", "-port", "PORT", "+map", "c1m1_hotel",
		"+rcon_password", "secret"}, args...)...)
}

// waitPrintedOrEnd waits for text on the console; false when the server ended first.
func (g *game) waitPrintedOrEnd(text string) bool {
	timer := time.AfterFunc(patience, func() { panic("the demo game neither printed nor ended in time") })
	defer timer.Stop()
	g.out.mu.Lock()
	defer g.out.mu.Unlock()
	for !bytes.Contains(g.out.text.Bytes(), []byte(text)) {
		if g.out.done {
			return false
		}
		g.out.cond.Wait()
	}
	return true
}

func (g *game) wait(text string) {
	g.t.Helper()
	if !g.waitPrintedOrEnd(text) {
		g.t.Fatalf("ended without printing %q:\n%s", text, g.out)
	}
}

// end waits for the end and returns the exit code, or 128 plus the signal as a shell says it.
func (g *game) end() int {
	<-g.ended
	status := g.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

func (g *game) signal(s syscall.Signal) { _ = syscall.Kill(-g.cmd.Process.Pid, s) }

// enter types a line at the console.
func (g *game) enter(line string) { _, _ = io.WriteString(g.stdin, line+"\n") }

func (g *game) address() string { return fmt.Sprintf("127.0.0.1:%d", g.port) }

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// rcon is a minimal client.
type rcon struct {
	t    testing.TB
	conn net.Conn
	id   int32
}

func (g *game) dial() *rcon {
	g.t.Helper()
	conn, err := net.Dial("tcp", g.address())
	if err != nil {
		g.t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	g.t.Cleanup(func() { _ = conn.Close() })
	return &rcon{t: g.t, conn: conn}
}

func (g *game) login() *rcon {
	g.t.Helper()
	r := g.dial()
	if id, kind, err := r.auth("secret"); err != nil || id != 1 || kind != 2 {
		g.t.Fatalf("auth: %d, %d, %v", id, kind, err)
	}
	return r
}

func (r *rcon) send(id, kind int32, body string) {
	buf := binary.LittleEndian.AppendUint32(nil, uint32(10+len(body)))
	buf = binary.LittleEndian.AppendUint32(buf, uint32(id))
	buf = binary.LittleEndian.AppendUint32(buf, uint32(kind))
	_, _ = r.conn.Write(append(append(buf, body...), 0, 0))
}

func (r *rcon) read() (id, kind int32, body string, err error) {
	var head [12]byte
	if _, err = io.ReadFull(r.conn, head[:]); err != nil {
		return 0, 0, "", err
	}
	rest := make([]byte, binary.LittleEndian.Uint32(head[:])-8)
	_, err = io.ReadFull(r.conn, rest)
	return int32(binary.LittleEndian.Uint32(head[4:])), int32(binary.LittleEndian.Uint32(head[8:])),
		string(rest[:len(rest)-2]), err
}

// auth returns the packet after the empty RESPONSE_VALUE that comes first.
func (r *rcon) auth(password string) (id, kind int32, err error) {
	r.send(1, 3, password)
	if id, kind, _, err = r.read(); err != nil || kind != 0 || id != 1 {
		return id, kind, err
	}
	id, kind, _, err = r.read()
	return id, kind, err
}

// run returns what line printed, ended by a mirrored mark.
func (r *rcon) run(line string) string {
	r.t.Helper()
	r.id += 2
	r.send(r.id+100, 2, line)
	r.send(r.id+101, 0, "")
	text := ""
	for marks := 0; marks < 2; {
		id, _, body, err := r.read()
		switch {
		case err != nil:
			r.t.Fatalf("%s: %v", line, err)
		case id == r.id+100:
			text += body
		case id == r.id+101:
			marks++
		}
	}
	return text
}
