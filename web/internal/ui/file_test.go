package ui_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const hostileName = "<img src=x onerror=alert(1)>\u202egpj.cfg\n\x1b[31m"

// fileServer gives server alpha files of every kind.
func (p *panel) fileServer() {
	p.seed()
	p.agent.SetFiles("game", map[string]string{"left4dead2/cfg/server.cfg": "game", "left4dead2/cfg/game.cfg": "hostname x\n"})
	p.agent.SetFiles("overlay/alpha", map[string]string{"left4dead2/cfg/game.cfg": "overlay", "left4dead2/cfg/mine.cfg": "lower"})
	p.agent.SetFiles("server/alpha", map[string]string{"left4dead2/cfg/server.cfg": "generated", "left4dead2/cfg/mine.cfg": "a\r\nb\r\n",
		"left4dead2/cfg/bin.dat": "\xff\x00", hostileName: "</textarea><script>alert(1)</script>"})
}

func TestFilePages(t *testing.T) {
	p := signedIn(t)
	p.fileServer()
	const base = "/hosts/local/servers/alpha/"
	top := p.get(base+"files", http.StatusOK)
	p.mustSay(top, "left4dead2", "\uFFFDgpj.cfg\uFFFD\uFFFD[31m")
	if strings.Contains(top.body, "<img src=x") || strings.ContainsAny(top.body, "\u202e\x1b") {
		t.Error("a name reached the page as it is")
	}
	cfg := p.get(base+"files?path=left4dead2%2Fcfg", http.StatusOK)
	p.mustSay(cfg, "game.cfg", "the server itself", "written anew at each start", "mine.cfg")
	p.mustSay(p.get(base+"file?path=left4dead2%2Fcfg%2Fserver.cfg", http.StatusOK), "generated", "Each start writes it anew")
	if page := p.get(base+"file?path=left4dead2%2Fcfg%2Fserver.cfg", http.StatusOK); len(page.all("textarea", "name", "text")) != 0 {
		t.Error("a generated file can be edited")
	}
	p.mustSay(p.get(base+"file?path=left4dead2%2Fcfg%2Fmine.cfg&layer=overlay%2Falpha", http.StatusOK), "lower")
	p.mustSay(p.get(base+"file?path=left4dead2%2Fcfg%2Fbin.dat", http.StatusOK), "It is no text")
	if odd := p.get(base+"file?path="+url.QueryEscape(hostileName), http.StatusOK); strings.Contains(odd.body, "<script>alert") {
		t.Error("a file's text is markup")
	}
	p.mustSay(p.get(base+"collisions", http.StatusOK), "No two overlays")
	p.get(base+"files?path=none", http.StatusNotFound)
	p.get(base+"files?path=..%2Fx", http.StatusBadRequest)
	p.get(base+"file?path=left4dead2%2Fnone", http.StatusNotFound)
}

func TestFileDownload(t *testing.T) {
	p := signedIn(t)
	p.fileServer()
	got := p.get("/hosts/local/servers/alpha/file-download?path="+url.QueryEscape(hostileName), http.StatusOK)
	if got.body != "</textarea><script>alert(1)</script>" || got.Header.Get("Content-Type") != "application/octet-stream" ||
		!strings.HasPrefix(got.Header.Get("Content-Disposition"), "attachment") || got.Header.Get("X-Content-Type-Options") != "nosniff" ||
		!strings.Contains(got.Header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%q, %v", got.body, got.Header)
	}
}

func TestFileIsEditedAndReset(t *testing.T) {
	p := signedIn(t)
	p.fileServer()
	const base, mine = "/hosts/local/servers/alpha/", "left4dead2/cfg/mine.cfg"
	page := p.get(base+"file?path="+url.QueryEscape(mine), http.StatusOK)
	sum, _ := attribute(page.all("input", "name", "was")[0], "value")
	form := url.Values{"path": {mine}, "was": {sum}, "text": {"a\r\nc\r\n"}, "crlf": {"1"}}
	p.post(base+"file", form, http.StatusSeeOther)
	if text, _ := p.agent.FileText("server/alpha", mine); text != "a\r\nc\r\n" {
		t.Errorf("lines kept their ends: %q", text)
	}
	p.mustSay(p.post(base+"file", form, http.StatusConflict), "was changed meanwhile")
	p.mustSay(p.post(base+"file", url.Values{"path": {mine}, "text": {"x"}}, http.StatusConflict), "already")
	p.post(base+"file", url.Values{"path": {"left4dead2/cfg/new.cfg"}, "text": {"a\r\nb"}}, http.StatusSeeOther)
	if text, _ := p.agent.FileText("server/alpha", "left4dead2/cfg/new.cfg"); text != "a\nb" {
		t.Errorf("a new file: %q", text)
	}
	reset := base + "file-reset?path=" + url.QueryEscape(mine)
	p.mustSay(p.get(reset, http.StatusOK), "lost for good", mine)
	p.post(reset, nil, http.StatusConflict) // it runs
	if _, err := p.agent.Client.StopServer(t.Context(), "alpha"); err != nil {
		t.Fatal(err)
	}
	p.agent.WaitFor("the server to be off", func() bool {
		s, err := p.agent.Client.Server(t.Context(), "alpha")
		return err == nil && s.State == "offline"
	})
	p.post(reset, nil, http.StatusSeeOther)
	if _, found := p.agent.FileText("server/alpha", mine); found {
		t.Error("not reset")
	}
}
