package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// TestPeerCredentials connects as other users, for which the test must be root: the kernel, not the
// client, says who they are.
func TestPeerCredentials(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can connect as somebody else")
	}
	a, _ := newAPI(t, nil)
	dir, err := os.MkdirTemp("", "left4me-peer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(socket, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	server := a.NewServer()
	go server.Serve(listener) //nolint:errcheck // ends with Close
	t.Cleanup(func() { server.Close() })

	many := make([]uint32, 200) // more than the first guess of the buffer
	for i := range many {
		many[i] = uint32(5000 + i)
	}
	for _, c := range []struct {
		name   string
		uid    int
		groups []uint32
		path   string
		status int
	}{
		{"root", 0, nil, "/v1/host", 200},
		{"reader", reader, nil, "/v1/host", 200},
		{"reader wants more", reader, nil, "/v1/servers/x/start", 405},
		{"stranger", stranger, nil, "/v1/host", 403},
		{"stranger in a group", stranger, []uint32{7, operators}, "/v1/host", 200},
		{"stranger in many groups", stranger, append(many, operators), "/v1/host", 200},
		{"stranger in other groups", stranger, many, "/v1/host", 403},
		{"anybody", stranger, nil, "/v1/health", 200},
	} {
		if got, body := getAs(t, socket, c.path, c.uid, c.groups); got != c.status {
			t.Errorf("%s: %d %s", c.name, got, body)
		}
	}
}

// getAs makes one request from a thread with other credentials. The thread ends with it.
func getAs(t *testing.T, socket, path string, uid int, groups []uint32) (int, string) {
	t.Helper()
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread must not be used again
		conn, err := dialAs(socket, uid, groups)
		done <- result{conn, err}
	}()
	got := <-done
	if got.err != nil {
		t.Fatal(got.err)
	}
	defer got.conn.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return got.conn, nil }}}
	response, err := client.Get("http://agent" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, strings.TrimSpace(string(body))
}

// dialAs changes the credentials of this thread alone, which the syscall package's functions would do for
// all of them, and connects.
func dialAs(socket string, uid int, groups []uint32) (net.Conn, error) {
	pointer := uintptr(0)
	if len(groups) > 0 {
		pointer = uintptr(unsafe.Pointer(&groups[0]))
	}
	for _, call := range [][4]uintptr{
		{syscall.SYS_SETGROUPS, uintptr(len(groups)), pointer, 0},
		{syscall.SYS_SETRESGID, uintptr(uid), uintptr(uid), uintptr(uid)},
		{syscall.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)},
	} {
		if _, _, errno := syscall.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
			return nil, fmt.Errorf("become %d: %w", uid, errno)
		}
	}
	return net.Dial("unix", socket)
}
