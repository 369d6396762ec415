package ui

import (
	"context"
	"strings"
	"testing"

	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/right"
)

// Route is a row of the table, for tests.
type Route struct {
	Method, Path string
	Row          string // the path as it stands in the table
	Need         right.Right
	Audit        string
	Open         bool
}

// Routes returns the table with names that exist in place of the parameters.
func Routes() []Route {
	var out []Route
	for _, row := range table() {
		names := strings.NewReplacer("{host}", "local", "{name}", "alpha", "{id}", "x", "{file}", "app.css")
		switch {
		case strings.HasPrefix(row.path, "/audit/"):
			names = strings.NewReplacer("{file}", "audit.csv")
		case strings.HasPrefix(row.path, "/hosts/{host}/plugins/"):
			names = strings.NewReplacer("{host}", "local", "{name}", "overlay-script")
		}
		out = append(out, Route{row.method, names.Replace(row.path), row.path, row.need, row.audit, row.need == right.Open})
	}
	return out
}

// RevokePending tells agents what they could not be told before, as Tend does every minute.
func (p *Panel) RevokePending(ctx context.Context) error { return p.revokePending(ctx) }

// Hold switches off what people may not let hosts do any more, as Tend does every minute.
func (p *Panel) Hold(ctx context.Context) error { return p.hold(ctx) }

// Register adds a host that was not tried first.
func (p *Panel) Register(t testing.TB, name, address string) {
	t.Helper()
	if err := p.Accounts.PutHost(t.Context(), account.Host{Name: name, URL: address, Token: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := p.hosts.load(t.Context(), p.Accounts); err != nil {
		t.Fatal(err)
	}
}
