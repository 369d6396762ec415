// Package ui is the panel over HTTP: one table of routes, one file per kind of page. It renders the
// components of package view and talks to agents through agent/client alone.
//
// Reading is GET; every change is a POST that answers with a redirect, or with the same page, the message and
// the person's input. Addresses carry the host, because one panel shows several agents.
package ui

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/right"
	"github.com/left4me/left4me/web/internal/static"
)

// Host is one agent and its name in addresses.
type Host struct {
	Name   string
	Client *client.Client
}

// Options of a Panel. Accounts and Hosts are required. Hosts are those that cannot be changed in the panel; more can be
// registered there.
type Options struct {
	Accounts        *account.Store
	Hosts           []Host
	InsecureCookies bool // cookies over plain HTTP, for test hosts (S3)
}

// Panel is the whole panel as an http.Handler. It is safe for concurrent use.
type Panel struct {
	Options
	hosts    *hosts
	sessions *scs.SessionManager
	throttle *throttle
	assets   *static.Assets
	relays   relays
	memos    memos
	handler  http.Handler
}

// New returns a Panel. [Panel.Close] frees its connections.
func New(ctx context.Context, options Options) (*Panel, error) {
	if len(options.Hosts) == 0 {
		return nil, errors.New("a panel needs at least one agent")
	}
	for _, row := range table() {
		if err := row.check(); err != nil {
			return nil, err
		}
	}
	registered, err := openHosts(ctx, options)
	if err != nil {
		return nil, err
	}
	assets, err := static.Load()
	if err != nil {
		return nil, err
	}
	p := &Panel{Options: options, hosts: registered, throttle: newThrottle(time.Now), assets: assets, sessions: newSessions(options),
		relays: newRelays(), memos: newMemos()}
	p.handler = p.routes()
	return p, nil
}

// ServeHTTP implements http.Handler.
func (p *Panel) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

func newSessions(options Options) *scs.SessionManager {
	sessions := scs.New()
	sessions.Store = options.Accounts.Sessions()
	sessions.Lifetime = 30 * 24 * time.Hour // and account.MaxIdle; scs' own IdleTimeout would write at every request
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

// route is one row of the table: what is where, who may, and how the audit log calls it.
type route struct {
	method string
	path   string
	need   right.Right
	// audit names the change in the audit log, "server.start"; every POST has one. What GETs do is not recorded.
	audit   string
	handler func(*Panel, http.ResponseWriter, *http.Request) error
}

// unrecorded stands for a POST that changes nothing but the sender's own browser: a choice of colours, or a look at what
// something would come to.
const unrecorded = "-"

const (
	get  = http.MethodGet
	post = http.MethodPost
)

// table holds every route. Below /hosts/{host} the handler's client is that host's, and a right on a kind of object is
// about the one that {name} or {id} names. What stands beside a {name} is no name itself: "-new". New fails when a row does not fit its path.
func table() []route {
	return []route{
		{get, "/health", right.Open, "", (*Panel).health},
		{get, "/static/{file}", right.Open, "", (*Panel).static},
		{get, "/setup", right.Open, "", (*Panel).setupForm},
		{post, "/setup", right.Open, "setup", (*Panel).setUp},
		{get, "/sign-in", right.Open, "", (*Panel).signInForm},
		{post, "/sign-in", right.Open, "sign-in", (*Panel).signIn},
		{get, "/sign-in/code", right.Open, "", (*Panel).codeForm},
		{post, "/sign-in/code", right.Open, "sign-in.code", (*Panel).signInCode},
		{get, "/welcome", right.Open, "", (*Panel).linkForm},
		{post, "/welcome", right.Open, "link.use", (*Panel).useLink},
		{post, "/sign-out", right.Member, "sign-out", (*Panel).signOut},
		{post, "/theme", right.Open, unrecorded, (*Panel).theme},

		{get, "/account", right.Member, "", (*Panel).accountPage},
		{post, "/account/password", right.Member, "account.password", (*Panel).changePassword},
		{post, "/account/sign-out-everywhere", right.Member, "account.sign-out-everywhere", (*Panel).signOutEverywhere},
		{post, "/account/sessions/{id}/end", right.Member, "account.session-end", (*Panel).endSession},
		{get, "/account/two-factor", right.Member, "", (*Panel).twoFactor},
		{post, "/account/two-factor", right.Member, "account.two-factor-on", (*Panel).twoFactorOn},
		{post, "/account/two-factor/begin", right.Member, "account.two-factor-begin", (*Panel).twoFactorBegin},
		{post, "/account/two-factor/off", right.Member, "account.two-factor-off", (*Panel).twoFactorOff},
		{post, "/account/two-factor/codes", right.Member, "account.recovery-codes", (*Panel).newCodes},
		{get, "/account/tokens", right.Member, "", (*Panel).tokensRoot},
		{get, "/account/tokens/{host}", right.Member, "", (*Panel).tokens},
		{post, "/account/tokens/{host}", right.Member, "token.create", (*Panel).tokenCreate},
		{post, "/account/tokens/{host}/{id}/revoke", right.Member, "token.revoke", (*Panel).tokenRevoke},

		{get, "/people", right.Admin, "", (*Panel).people},
		{get, "/people/{name}", right.Admin, "", (*Panel).person},
		{post, "/people/{name}", right.Admin, "person.change", (*Panel).personSave},
		{post, "/people/{name}/disable", right.Admin, "person.disable", (*Panel).personDisable},
		{post, "/people/{name}/enable", right.Admin, "person.enable", (*Panel).personEnable},
		{post, "/people/{name}/reset-link", right.Admin, "person.reset-link", (*Panel).personReset},
		{post, "/people/{name}/two-factor-off", right.Admin, "person.two-factor-off", (*Panel).personTwoFactorOff},
		{post, "/people/{name}/sign-out", right.Admin, "person.sign-out", (*Panel).personSignOut},
		{post, "/people/{name}/revoke-tokens", right.Admin, "person.revoke-tokens", (*Panel).personRevokeTokens},
		{get, "/people/{name}/delete", right.Admin, "", (*Panel).personConfirm},
		{post, "/people/{name}/delete", right.Admin, "person.delete", (*Panel).personDelete},
		{get, "/invitations", right.Admin, "", (*Panel).invitations},
		{post, "/invitations", right.Admin, "invitation.create", (*Panel).invite},
		{post, "/invitations/{id}/revoke", right.Admin, "invitation.revoke", (*Panel).invitationRevoke},
		{get, "/audit", right.Admin, "", (*Panel).audit},
		{get, "/audit/{file}", right.Admin, "", (*Panel).auditExport},
		{get, "/hosts", right.Admin, "", (*Panel).hostsPage},
		{get, "/hosts/new", right.Admin, "", (*Panel).hostNew},
		{post, "/hosts/new", right.Admin, "host.add", (*Panel).hostSave},
		{get, "/hosts/{host}/edit", right.Admin, "", (*Panel).hostEdit},
		{post, "/hosts/{host}/edit", right.Admin, "host.change", (*Panel).hostSave},
		{get, "/hosts/{host}/remove", right.Admin, "", (*Panel).hostConfirm},
		{post, "/hosts/{host}/remove", right.Admin, "host.remove", (*Panel).hostRemove},

		{get, "/", right.Member, "", (*Panel).root},
		{get, "/hosts/{host}", right.Member, "", (*Panel).dashboard},
		{get, "/hosts/{host}/stream", right.Member, "", (*Panel).eventStream},

		{get, "/hosts/{host}/servers", right.Member, "", (*Panel).servers},
		{get, "/hosts/{host}/servers/-new", right.ServerCreate, "", (*Panel).serverNew},
		{post, "/hosts/{host}/servers/-new", right.ServerCreate, "server.create", (*Panel).serverCreate},
		{get, "/hosts/{host}/servers/{name}", right.ServerView, "", (*Panel).server},
		{get, "/hosts/{host}/servers/{name}/stream", right.ServerConsole, "", (*Panel).consoleStream},
		{get, "/hosts/{host}/servers/{name}/console", right.ServerConsole, "", (*Panel).console},
		{get, "/hosts/{host}/servers/{name}/console.txt", right.ServerConsole, "", (*Panel).consoleText},
		{get, "/hosts/{host}/servers/{name}/history", right.ServerView, "", (*Panel).history},
		{get, "/hosts/{host}/servers/{name}/players", right.ServerPlayers, "", (*Panel).players},
		{post, "/hosts/{host}/servers/{name}/say", right.ServerPlayers, "server.say", (*Panel).serverSay},
		{post, "/hosts/{host}/servers/{name}/kick", right.ServerPlayers, "server.kick", (*Panel).serverKick},
		{post, "/hosts/{host}/servers/{name}/ban", right.ServerPlayers, "server.ban", (*Panel).serverBan},
		{post, "/hosts/{host}/servers/{name}/unban", right.ServerPlayers, "server.unban", (*Panel).serverUnban},
		{post, "/hosts/{host}/servers/{name}/map", right.ServerMap, "server.map", (*Panel).serverMap},
		{post, "/hosts/{host}/servers/{name}/command", right.ServerCommand, "server.command", (*Panel).serverCommand},
		{post, "/hosts/{host}/servers/{name}/start", right.ServerPower, "server.start", (*Panel).serverAction},
		{get, "/hosts/{host}/servers/{name}/stop", right.ServerPower, "", (*Panel).serverConfirm},
		{post, "/hosts/{host}/servers/{name}/stop", right.ServerPower, "server.stop", (*Panel).serverAction},
		{get, "/hosts/{host}/servers/{name}/restart", right.ServerPower, "", (*Panel).serverConfirm},
		{post, "/hosts/{host}/servers/{name}/restart", right.ServerPower, "server.restart", (*Panel).serverAction},
		{get, "/hosts/{host}/servers/{name}/kill", right.ServerPower, "", (*Panel).serverConfirm},
		{post, "/hosts/{host}/servers/{name}/kill", right.ServerPower, "server.kill", (*Panel).serverAction},
		{get, "/hosts/{host}/servers/{name}/reset", right.ServerReset, "", (*Panel).serverConfirm},
		{post, "/hosts/{host}/servers/{name}/reset", right.ServerReset, "server.reset", (*Panel).serverAction},
		{get, "/hosts/{host}/servers/{name}/delete", right.ServerDelete, "", (*Panel).serverConfirm},
		{post, "/hosts/{host}/servers/{name}/delete", right.ServerDelete, "server.delete", (*Panel).serverAction},
		{get, "/hosts/{host}/servers/{name}/files", right.ServerFiles, "", (*Panel).files},
		{get, "/hosts/{host}/servers/{name}/collisions", right.ServerFiles, "", (*Panel).collisions},
		{get, "/hosts/{host}/servers/{name}/file", right.ServerFiles, "", (*Panel).file},
		{post, "/hosts/{host}/servers/{name}/file", right.ServerWrite, "server.file-write", (*Panel).fileSave},
		{get, "/hosts/{host}/servers/{name}/file-download", right.ServerFiles, "", (*Panel).fileDownload},
		{get, "/hosts/{host}/servers/{name}/file-reset", right.ServerWrite, "", (*Panel).fileConfirm},
		{post, "/hosts/{host}/servers/{name}/file-reset", right.ServerWrite, "server.file-reset", (*Panel).fileReset},
		{get, "/hosts/{host}/servers/{name}/people", right.ServerShare, "", (*Panel).shares},
		{post, "/hosts/{host}/servers/{name}/people", right.ServerShare, "server.share", (*Panel).share},
		{get, "/hosts/{host}/servers/{name}/give", right.ServerGive, "", (*Panel).giveForm},
		{post, "/hosts/{host}/servers/{name}/give", right.ServerGive, "server.give", (*Panel).give},

		{get, "/hosts/{host}/overlays", right.Member, "", (*Panel).overlays},
		{get, "/hosts/{host}/overlays/-new", right.OverlayCreate, "", (*Panel).overlayNew},
		{post, "/hosts/{host}/overlays/-new", right.OverlayCreate, "overlay.create", (*Panel).overlayCreate},
		{get, "/hosts/{host}/overlays/{name}", right.OverlayView, "", (*Panel).overlay},
		{post, "/hosts/{host}/overlays/{name}/settings", right.OverlayEdit, "overlay.edit", (*Panel).overlaySave},
		{post, "/hosts/{host}/overlays/{name}/build", right.OverlayBuild, "overlay.build", (*Panel).overlayBuild},
		{post, "/hosts/{host}/overlays/{name}/rollback", right.OverlayEdit, "overlay.rollback", (*Panel).overlayRollback},
		{post, "/hosts/{host}/overlays/{name}/pin", right.OverlayEdit, "overlay.pin", (*Panel).overlayPin},
		{post, "/hosts/{host}/overlays/{name}/items", right.OverlayEdit, "overlay.items", (*Panel).overlayItems},
		{get, "/hosts/{host}/overlays/{name}/picture", right.OverlayView, "", (*Panel).overlayPicture},
		{get, "/hosts/{host}/overlays/{name}/campaigns", right.OverlayView, "", (*Panel).overlayCampaigns},
		{get, "/hosts/{host}/blueprints/{name}/campaigns", right.BlueprintView, "", (*Panel).blueprintCampaigns},
		{get, "/hosts/{host}/servers/{name}/campaigns", right.ServerView, "", (*Panel).serverCampaigns},
		{post, "/hosts/{host}/refresh", right.Admin, "overlay.refresh", (*Panel).refreshOverlays},
		{get, "/hosts/{host}/overlays/{name}/diff/{id}", right.OverlayView, "", (*Panel).overlayDiff},
		{get, "/hosts/{host}/overlays/{name}/delete", right.OverlayDelete, "", (*Panel).overlayConfirm},
		{post, "/hosts/{host}/overlays/{name}/delete", right.OverlayDelete, "overlay.delete", (*Panel).overlayDelete},
		{get, "/hosts/{host}/overlays/{name}/give", right.OverlayGive, "", (*Panel).giveForm},
		{post, "/hosts/{host}/overlays/{name}/give", right.OverlayGive, "overlay.give", (*Panel).give},

		{get, "/hosts/{host}/blueprints", right.Member, "", (*Panel).blueprints},
		{get, "/hosts/{host}/blueprints/-new", right.BlueprintCreate, "", (*Panel).blueprintNew},
		{post, "/hosts/{host}/blueprints/-new", right.BlueprintCreate, "blueprint.create", (*Panel).blueprintCreate},
		{get, "/hosts/{host}/blueprints/{name}", right.BlueprintView, "", (*Panel).blueprint},
		{post, "/hosts/{host}/blueprints/{name}", right.BlueprintEdit, "blueprint.edit", (*Panel).blueprintSave},
		{get, "/hosts/{host}/blueprints/{name}/delete", right.BlueprintDelete, "", (*Panel).blueprintConfirm},
		{post, "/hosts/{host}/blueprints/{name}/delete", right.BlueprintDelete, "blueprint.delete", (*Panel).blueprintDelete},
		{get, "/hosts/{host}/blueprints/{name}/give", right.BlueprintGive, "", (*Panel).giveForm},
		{post, "/hosts/{host}/blueprints/{name}/give", right.BlueprintGive, "blueprint.give", (*Panel).give},
		{post, "/hosts/{host}/blueprint-preview", right.Member, unrecorded, (*Panel).blueprintPreview},

		{get, "/hosts/{host}/schedules", right.Member, "", (*Panel).schedules},
		{get, "/hosts/{host}/schedules/-new", right.Member, "", (*Panel).scheduleNew},
		{post, "/hosts/{host}/schedules/-new", right.Member, "schedule.create", (*Panel).scheduleCreate},
		{post, "/hosts/{host}/schedule-preview", right.Member, unrecorded, (*Panel).schedulePreview},
		{get, "/hosts/{host}/schedules/{name}", right.ScheduleView, "", (*Panel).schedule},
		{post, "/hosts/{host}/schedules/{name}", right.ScheduleEdit, "schedule.edit", (*Panel).scheduleSave},
		{post, "/hosts/{host}/schedules/{name}/switch", right.ScheduleEdit, "schedule.switch", (*Panel).scheduleSwitch},
		{post, "/hosts/{host}/schedules/{name}/run", right.ScheduleEdit, "schedule.run", (*Panel).scheduleRun},
		{get, "/hosts/{host}/schedules/{name}/delete", right.ScheduleEdit, "", (*Panel).scheduleConfirm},
		{post, "/hosts/{host}/schedules/{name}/delete", right.ScheduleEdit, "schedule.delete", (*Panel).scheduleDelete},

		{get, "/hosts/{host}/jobs", right.Member, "", (*Panel).jobs},
		{get, "/hosts/{host}/jobs/{id}", right.JobView, "", (*Panel).job},
		{get, "/hosts/{host}/jobs/{id}/stream", right.JobView, "", (*Panel).jobStream},
		{post, "/hosts/{host}/jobs/{id}/cancel", right.JobSteer, "job.cancel", (*Panel).jobCancel},
		{post, "/hosts/{host}/jobs/{id}/retry", right.JobSteer, "job.retry", (*Panel).jobRetry},
		{get, "/hosts/{host}/events", right.Member, "", (*Panel).events},

		{get, "/hosts/{host}/content", right.Admin, "", (*Panel).content},
		{post, "/hosts/{host}/content/sweep", right.Admin, "content.sweep", (*Panel).contentSweep},
		{get, "/hosts/{host}/content/remove", right.Admin, "", (*Panel).contentConfirm},
		{post, "/hosts/{host}/content/remove", right.Admin, "content.remove", (*Panel).contentRemove},
		{get, "/hosts/{host}/plugins", right.Admin, "", (*Panel).plugins},
		{get, "/hosts/{host}/plugins/{name}/log", right.Admin, "", (*Panel).pluginLog},
		{post, "/hosts/{host}/plugins/{name}/restart", right.Admin, "plugin.restart", (*Panel).pluginRestart},
		{get, "/hosts/{host}/installation", right.Admin, "", (*Panel).installation},
		{post, "/hosts/{host}/installation/update", right.Admin, "release.update", (*Panel).releaseUpdate},
		{post, "/hosts/{host}/installation/check", right.Admin, "release.check", (*Panel).releaseCheck},
		{post, "/hosts/{host}/installation/rollout", right.Admin, "release.rollout", (*Panel).releaseRollout},
		{post, "/hosts/{host}/installation/use", right.Admin, "release.use", (*Panel).releaseUse},
		{post, "/hosts/{host}/installation/pin", right.Admin, "release.pin", (*Panel).releasePin},
		{get, "/hosts/{host}/installation/{id}/remove", right.Admin, "", (*Panel).releaseConfirm},
		{post, "/hosts/{host}/installation/{id}/remove", right.Admin, "release.remove", (*Panel).releaseRemove},
	}
}

func (p *Panel) routes() http.Handler {
	router := chi.NewRouter()
	// Not event streams: a line would wait for the compressor.
	router.Use(middleware.Compress(5, "text/html", "text/css", "text/javascript", "text/plain", "text/csv", "image/svg+xml", "application/json"))
	router.Use(headers, http.NewCrossOriginProtection().Handler, p.recover, p.sessions.LoadAndSave)
	for _, row := range table() {
		router.Method(row.method, row.path, p.handle(row))
	}
	router.NotFound(func(w http.ResponseWriter, r *http.Request) { p.fail(w, r, errNoPage) })
	router.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) { p.fail(w, r, errNoPage) })
	return router
}
