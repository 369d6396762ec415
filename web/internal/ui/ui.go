// Package ui is the panel over HTTP: one table of routes, one file per kind of page. It renders the
// components of package view and talks to agents through agent/client alone.
//
// Reading is GET; every change is a POST that answers with a redirect, or with the same page, the message and
// the person's input. Addresses carry the host, because one panel shows several agents.
package ui

import (
	"errors"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/chi/v5"

	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/static"
)

// Host is one agent and its name in addresses.
type Host struct {
	Name   string
	Client *client.Client
}

// Options of a Panel. Accounts and Hosts are required.
type Options struct {
	Accounts        *account.Store
	Hosts           []Host
	InsecureCookies bool // cookies over plain HTTP, for test hosts (S3)
}

// Panel is the whole panel as an http.Handler. It is safe for concurrent use.
type Panel struct {
	Options
	sessions *scs.SessionManager
	throttle *throttle
	assets   *static.Assets
	handler  http.Handler
}

// New returns a Panel.
func New(options Options) (*Panel, error) {
	if len(options.Hosts) == 0 {
		return nil, errors.New("a panel needs at least one agent")
	}
	assets, err := static.Load()
	if err != nil {
		return nil, err
	}
	p := &Panel{Options: options, throttle: newThrottle(time.Now), assets: assets, sessions: newSessions(options)}
	p.handler = p.routes()
	return p, nil
}

// ServeHTTP implements http.Handler.
func (p *Panel) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

func newSessions(options Options) *scs.SessionManager {
	sessions := scs.New()
	sessions.Store = options.Accounts.Sessions()
	sessions.Lifetime = 30 * 24 * time.Hour // and maxIdle; scs' own IdleTimeout would write at every request
	sessions.HashTokenInStore = true        // whoever reads the database cannot sign in with it
	sessions.Cookie.Name = "__Host-session"
	sessions.Cookie.Secure = !options.InsecureCookies
	if options.InsecureCookies {
		sessions.Cookie.Name = "session" // the prefix demands Secure
	}
	sessions.Cookie.HttpOnly = true
	sessions.Cookie.SameSite = http.SameSiteLaxMode
	return sessions
}

// access says who may use a route.
type access int

const (
	open   access = iota // everybody
	member               // signed in
)

// route is one row of the table.
type route struct {
	method  string
	path    string
	access  access
	handler func(*Panel, http.ResponseWriter, *http.Request) error
}

const (
	get  = http.MethodGet
	post = http.MethodPost
)

// table holds every route. Below /hosts/{host} the handler's client is that host's.
func table() []route {
	return []route{
		{get, "/health", open, (*Panel).health},
		{get, "/static/{file}", open, (*Panel).static},
		{get, "/setup", open, (*Panel).setupForm},
		{post, "/setup", open, (*Panel).setUp},
		{get, "/sign-in", open, (*Panel).signInForm},
		{post, "/sign-in", open, (*Panel).signIn},
		{post, "/sign-out", member, (*Panel).signOut},
		{post, "/theme", open, (*Panel).theme},
		{get, "/account", member, (*Panel).accountPage},
		{post, "/account/password", member, (*Panel).changePassword},
		{post, "/account/sign-out-everywhere", member, (*Panel).signOutEverywhere},
		{get, "/", member, (*Panel).root},
		{get, "/hosts/{host}", member, (*Panel).dashboard},
		{get, "/hosts/{host}/stream", member, (*Panel).eventStream},
		{get, "/hosts/{host}/servers", member, (*Panel).servers},
		{get, "/hosts/{host}/servers/new", member, (*Panel).serverNew},
		{post, "/hosts/{host}/servers/new", member, (*Panel).serverCreate},
		{get, "/hosts/{host}/servers/{name}", member, (*Panel).server},
		{get, "/hosts/{host}/servers/{name}/stream", member, (*Panel).consoleStream},
		{post, "/hosts/{host}/servers/{name}/command", member, (*Panel).serverCommand},
		{get, "/hosts/{host}/servers/{name}/{action}", member, (*Panel).serverConfirm},
		{post, "/hosts/{host}/servers/{name}/{action}", member, (*Panel).serverAction},
		{get, "/hosts/{host}/overlays", member, (*Panel).overlays},
		{get, "/hosts/{host}/overlays/new", member, (*Panel).overlayNew},
		{post, "/hosts/{host}/overlays/new", member, (*Panel).overlayCreate},
		{get, "/hosts/{host}/overlays/{name}", member, (*Panel).overlay},
		{post, "/hosts/{host}/overlays/{name}/settings", member, (*Panel).overlaySave},
		{post, "/hosts/{host}/overlays/{name}/build", member, (*Panel).overlayBuild},
		{post, "/hosts/{host}/overlays/{name}/rollback", member, (*Panel).overlayRollback},
		{post, "/hosts/{host}/overlays/{name}/pin", member, (*Panel).overlayPin},
		{get, "/hosts/{host}/overlays/{name}/diff/{id}", member, (*Panel).overlayDiff},
		{get, "/hosts/{host}/overlays/{name}/delete", member, (*Panel).overlayConfirm},
		{post, "/hosts/{host}/overlays/{name}/delete", member, (*Panel).overlayDelete},
		{get, "/hosts/{host}/content", member, (*Panel).content},
		{post, "/hosts/{host}/content/sweep", member, (*Panel).contentSweep},
		{get, "/hosts/{host}/content/remove", member, (*Panel).contentConfirm},
		{post, "/hosts/{host}/content/remove", member, (*Panel).contentRemove},
		{get, "/hosts/{host}/blueprints", member, (*Panel).blueprints},
		{get, "/hosts/{host}/blueprints/new", member, (*Panel).blueprintNew},
		{post, "/hosts/{host}/blueprints/new", member, (*Panel).blueprintCreate},
		{get, "/hosts/{host}/blueprints/{name}", member, (*Panel).blueprint},
		{post, "/hosts/{host}/blueprints/{name}", member, (*Panel).blueprintSave},
		{get, "/hosts/{host}/blueprints/{name}/delete", member, (*Panel).blueprintConfirm},
		{post, "/hosts/{host}/blueprints/{name}/delete", member, (*Panel).blueprintDelete},
		{get, "/hosts/{host}/jobs", member, (*Panel).jobs},
		{get, "/hosts/{host}/jobs/{id}", member, (*Panel).job},
		{get, "/hosts/{host}/jobs/{id}/stream", member, (*Panel).jobStream},
		{post, "/hosts/{host}/jobs/{id}/cancel", member, (*Panel).jobCancel},
		{post, "/hosts/{host}/jobs/{id}/retry", member, (*Panel).jobRetry},
		{get, "/hosts/{host}/events", member, (*Panel).events},
		{get, "/hosts/{host}/plugins", member, (*Panel).plugins},
		{post, "/hosts/{host}/plugins/{name}/restart", member, (*Panel).pluginRestart},
		{get, "/hosts/{host}/installation", member, (*Panel).installation},
		{post, "/hosts/{host}/installation", member, (*Panel).install},
	}
}

func (p *Panel) routes() http.Handler {
	router := chi.NewRouter()
	router.Use(headers, http.NewCrossOriginProtection().Handler, p.recover, p.sessions.LoadAndSave)
	for _, row := range table() {
		router.Method(row.method, row.path, p.handle(row))
	}
	router.NotFound(func(w http.ResponseWriter, r *http.Request) { p.fail(w, r, errNoPage) })
	router.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) { p.fail(w, r, errNoPage) })
	return router
}
