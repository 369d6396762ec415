package ui_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/web/internal/ui"
)

// execute runs the command line as the program does.
func execute(ctx context.Context, args ...string) (string, error) {
	var out strings.Builder
	command := ui.Command()
	command.SetArgs(args)
	command.SetOut(&out)
	command.SetErr(&out)
	err := command.ExecuteContext(ctx)
	return out.String(), err
}

// freeAddress returns an address on loopback that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestServeUntilItIsToldToEnd(t *testing.T) {
	agent, dir, address := agenttest.New(t), filepath.Join(t.TempDir(), "panel"), freeAddress(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := execute(ctx, "serve", "--listen", address, "--state-dir", dir, "--agent-socket", agent.Socket, "--agent-name", "host1", "--insecure-cookies")
		ended <- err
	}()
	p := &panel{t: t, URL: "http://" + address, agent: agent, dir: dir, browser: newBrowser(t)}
	waitForHealth(t, p)

	link, err := execute(t.Context(), "setup-link", "--state-dir", dir, "--url", p.URL+"/")
	if err != nil || !strings.HasPrefix(link, p.URL+"/setup?token=") {
		t.Fatalf("setup-link: %q, %v", link, err)
	}
	token, _ := url.Parse(strings.TrimSpace(link))
	p.post("/setup", url.Values{"token": {token.Query().Get("token")}, "name": {testName}, "password": {testPassword}}, http.StatusSeeOther)
	if link, err := execute(t.Context(), "setup-link", "--state-dir", dir); err != nil || link != "" {
		t.Errorf("with an account setup-link prints %q, %v", link, err)
	}
	p.get("/hosts/host1", http.StatusOK)

	if out, err := execute(t.Context(), "reset-link", "nobody", "--state-dir", dir); err == nil || !strings.Contains(err.Error(), `no account "nobody"`) {
		t.Errorf("reset-link for nobody: %q, %v", out, err)
	}
	link, err = execute(t.Context(), "reset-link", testName, "--state-dir", dir, "--url", p.URL)
	if err != nil || !strings.HasPrefix(link, p.URL+"/welcome?token=") {
		t.Fatalf("reset-link: %q, %v", link, err)
	}
	reset, _ := url.Parse(strings.TrimSpace(link))
	p.post("/welcome", url.Values{"token": {reset.Query().Get("token")}, "password": {"another password"}}, http.StatusSeeOther)
	p.get("/hosts/host1", http.StatusSeeOther) // signed out
	p.post("/sign-in", url.Values{"name": {testName}, "password": {"another password"}}, http.StatusSeeOther)

	open := p.stream("/hosts/host1/stream", "0")
	agent.Record("test", "server/x", "", "hello")
	open.until("event", "hello")
	stop()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
	for {
		if _, ok := open.next(); !ok {
			break
		}
	}
}

// waitForHealth asks until the panel answers; nothing tells from outside when a program listens.
func waitForHealth(t *testing.T, p *panel) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		response, err := p.browser.Do(p.request(http.MethodGet, "/health", nil))
		if err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the panel does not answer: %v", err)
		case <-tick.C:
		}
	}
}

func TestServeSaysWhyItCannot(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--listen", taken.Addr().String()}, "another --listen"},
		{[]string{"--listen", "nonsense"}, "--listen"},
		{[]string{"--agent-url", "ftp://x", "--agent-token-file", "/dev/null"}, "http://host:port"},
		{[]string{"--state-dir", "/dev/null/x"}, "/dev/null"},
		{[]string{"extra"}, "extra"},
		{[]string{"--unknown"}, "--unknown"},
	} {
		args := append([]string{"serve", "--state-dir", t.TempDir()}, tt.args...)
		if _, err := execute(t.Context(), args...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v does not say %q", tt.args, err, tt.want)
		}
	}
	if _, err := execute(t.Context(), "setup-link", "--state-dir", "/dev/null/x"); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("setup-link without a directory: %v", err)
	}
}
