package ui_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/ui"
)

const (
	testName     = "ada"
	testPassword = "correct horse battery"
)

// panel is a panel over HTTP with an agent in memory behind it, and one browser.
type panel struct {
	t        testing.TB
	URL      string
	agent    *agenttest.Agent
	accounts *account.Store
	dir      string
	handler  *ui.Panel
	browser  *http.Client // keeps cookies, follows no redirect
}

// newPanel starts a panel without an account.
func newPanel(t testing.TB) *panel {
	t.Helper()
	p := &panel{t: t, agent: agenttest.New(t), dir: t.TempDir()}
	var err error
	if p.accounts, err = account.Open(t.Context(), p.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.accounts.Close() })
	if err := p.accounts.EnsureSetupToken(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.serve(true)
	p.browser = newBrowser(t)
	return p
}

func (p *panel) serve(insecureCookies bool) {
	p.t.Helper()
	handler, err := ui.New(p.t.Context(), ui.Options{Accounts: p.accounts, Hosts: []ui.Host{{Name: "local", Client: p.agent.Client}}, InsecureCookies: insecureCookies})
	if err != nil {
		p.t.Fatal(err)
	}
	p.handler = handler
	p.t.Cleanup(handler.Close)
	ctx, end := context.WithCancel(context.Background())
	server := httptest.NewUnstartedServer(handler)
	server.Config = ui.NewServer(ctx, handler)
	server.Start()
	p.t.Cleanup(func() { end(); server.Close() })
	p.URL = server.URL
}

func newBrowser(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// signedIn starts a panel with one account, signed in.
func signedIn(t testing.TB) *panel {
	t.Helper()
	p := newPanel(t)
	p.createAccount()
	p.signIn(p.browser)
	return p
}

func (p *panel) createAccount() {
	p.t.Helper()
	if _, err := p.accounts.Create(p.t.Context(), testName, testPassword, account.RoleAdmin); err != nil {
		p.t.Fatal(err)
	}
}

func (p *panel) signIn(browser *http.Client) {
	p.t.Helper()
	got := p.do(browser, p.request(http.MethodPost, "/sign-in", url.Values{"name": {testName}, "password": {testPassword}}))
	if got.StatusCode != http.StatusSeeOther {
		p.t.Fatalf("sign-in answered %d: %s", got.StatusCode, got.text())
	}
}

func (p *panel) request(method, path string, form url.Values) *http.Request {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	return r
}

// answer is a response whose body was read.
type answer struct {
	*http.Response
	body string
	root *html.Node
}

func (p *panel) do(browser *http.Client, r *http.Request) answer {
	p.t.Helper()
	response, err := browser.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		p.t.Fatal(err)
	}
	return answer{response, string(body), root}
}

// get reads a page and fails unless it answers with status.
func (p *panel) get(path string, status int) answer {
	p.t.Helper()
	got := p.do(p.browser, p.request(http.MethodGet, path, nil))
	if got.StatusCode != status {
		p.t.Fatalf("GET %s answered %d instead of %d: %s", path, got.StatusCode, status, got.text())
	}
	return got
}

// post sends a form and fails unless it answers with status.
func (p *panel) post(path string, form url.Values, status int) answer {
	p.t.Helper()
	got := p.do(p.browser, p.request(http.MethodPost, path, form))
	if got.StatusCode != status {
		p.t.Fatalf("POST %s answered %d instead of %d: %s", path, got.StatusCode, status, got.text())
	}
	return got
}

// all returns the elements of a kind whose attributes have the values, "*" being any.
func (a answer) all(tag string, attributes ...string) []*html.Node {
	var out []*html.Node
	for n := range a.root.Descendants() {
		if n.Type != html.ElementNode || n.Data != tag {
			continue
		}
		fits := true
		for i := 0; i+1 < len(attributes); i += 2 {
			value, has := attribute(n, attributes[i])
			fits = fits && has && (attributes[i+1] == "*" || attributes[i+1] == value)
		}
		if fits {
			out = append(out, n)
		}
	}
	return out
}

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// text returns what a person reads on the page.
func (a answer) text() string { return text(a.root) }

func text(n *html.Node) string {
	var out strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.Data != "script" && d.Parent.Data != "style" {
			out.WriteString(d.Data)
			out.WriteString(" ")
		}
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

// mustSay fails unless the page says all parts.
func (p *panel) mustSay(a answer, parts ...string) {
	p.t.Helper()
	for _, part := range parts {
		if !strings.Contains(a.text(), part) {
			p.t.Errorf("the page does not say %q: %s", part, a.text())
		}
	}
}

// value returns what stands in an input or text area.
func (a answer) value(id string) string {
	for _, tag := range []string{"input", "textarea", "select"} {
		for _, n := range a.all(tag, "id", id) {
			switch tag {
			case "input":
				v, _ := attribute(n, "value")
				return v
			case "textarea":
				var out strings.Builder
				for d := range n.Descendants() {
					out.WriteString(d.Data)
				}
				return out.String()
			}
			for d := range n.Descendants() {
				if _, chosen := attribute(d, "selected"); chosen {
					v, _ := attribute(d, "value")
					return v
				}
			}
		}
	}
	return ""
}

// seed makes an overlay, a blueprint and a running server, all named alpha.
func (p *panel) seed() {
	p.t.Helper()
	ctx := p.t.Context()
	o, err := p.agent.Client.CreateOverlay(ctx, api.OverlayCreate{Name: "alpha", Type: "overlay-script", Settings: []byte(`{"script":"#!/bin/sh\n"}`), Build: true})
	if err != nil {
		p.t.Fatal(err)
	}
	p.finished(o.LastJob)
	if _, err := p.agent.Client.CreateBlueprint(ctx, api.BlueprintCreate{Name: "alpha", Overlays: []string{"alpha"}}); err != nil {
		p.t.Fatal(err)
	}
	s, err := p.agent.Client.CreateServer(ctx, api.ServerCreate{Name: "alpha", Blueprint: "alpha", Start: true})
	if err != nil {
		p.t.Fatal(err)
	}
	if s, err = p.agent.Client.Server(ctx, s.Name); err != nil {
		p.t.Fatal(err)
	}
	p.finished(s.LastJob)
}

func (p *panel) finished(job string) {
	p.t.Helper()
	if _, err := p.agent.Client.WaitJob(p.t.Context(), job, nil); err != nil {
		p.t.Fatal(err)
	}
}
