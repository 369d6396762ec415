package httpapi_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/client"
)

// A file of a game is bytes for a download, whatever it claims to be, and its name breaks no header.
func TestDownload(t *testing.T) {
	agent := seedServer(t)
	name := "evil\u202e\r\nSet-Cookie: x=y\".html"
	agent.SetFiles("server/alpha", map[string]string{name: "<script>alert(1)</script>", "big": strings.Repeat("0123456789", 300_000)})
	status, body, header := do(t, forward(agent), "GET", "/v1/servers/alpha/file?path="+url.QueryEscape(name), "")
	if status != 200 || body != "<script>alert(1)</script>" {
		t.Fatalf("%d %q", status, body)
	}
	disposition := header.Get("Content-Disposition")
	if header.Get("Content-Type") != "application/octet-stream" || header.Get("X-Content-Type-Options") != "nosniff" ||
		!strings.HasPrefix(disposition, "attachment") || strings.ContainsAny(disposition, "\r\n") || header.Get("Set-Cookie") != "" {
		t.Errorf("headers: %v", header)
	}
	file, err := agent.Client.OpenFile(t.Context(), "alpha", "big", "", "bytes=2999990-")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil || string(data) != "0123456789" || file.Status != http.StatusPartialContent || file.Layer != "server" {
		t.Errorf("range: %q, %v, %d of %q", data, err, file.Status, file.Layer)
	}
	if _, err := agent.Client.OpenFile(t.Context(), "alpha", "big", "", "bytes=0-1,5-6"); !client.Is(err, client.CodeInvalid) {
		t.Errorf("many ranges: %v", err)
	}
}

func TestPutAndReset(t *testing.T) {
	agent := seedServer(t)
	ctx, c := t.Context(), agent.Client
	if err := c.PutFile(ctx, "alpha", "cfg/my file{name}.cfg", "", []byte("sv_cheats 0\n")); err != nil {
		t.Fatal(err)
	}
	if text, found := agent.FileText("server/alpha", "cfg/my file{name}.cfg"); !found || text != "sv_cheats 0\n" {
		t.Errorf("written: %q, %t", text, found)
	}
	listed, err := c.Files(ctx, "alpha", "cfg")
	if err != nil || len(listed.Entries) != 1 || listed.Entries[0].Layer != "server" || listed.Entries[0].Bytes != 12 {
		t.Errorf("listed: %+v, %v", listed, err)
	}
	if err := c.PutFile(ctx, "alpha", "cfg/big", "", make([]byte, 1<<20+1)); !client.Is(err, client.CodeInvalid) {
		t.Errorf("too large: %v", err)
	}
	if err := c.ResetFile(ctx, "alpha", "cfg"); !client.Is(err, client.CodePrecondition) {
		t.Errorf("a reset while it runs: %v", err)
	}
	if _, err := c.StopServer(ctx, "alpha"); err != nil {
		t.Fatal(err)
	}
	agent.WaitFor("the server to be offline", func() bool {
		s, err := c.Server(ctx, "alpha")
		return err == nil && s.State == "offline"
	})
	if err := c.ResetFile(ctx, "alpha", "cfg"); err != nil {
		t.Error(err)
	}
	if err := c.ResetFile(ctx, "alpha", "cfg"); !client.Is(err, client.CodeNotFound) {
		t.Errorf("a second reset: %v", err)
	}
	for _, path := range []string{"../x", "/x", "a/../b", "", "a%00"} {
		if status, _, _ := do(t, forward(agent), "GET", "/v1/servers/alpha/file?path="+path, ""); status != 400 {
			t.Errorf("path %q: %d", path, status)
		}
	}
}
