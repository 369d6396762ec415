package ui

import (
	"errors"
	"log/slog"
	"net"
	"net/http"

	"github.com/a-h/templ"
	"github.com/go-chi/chi/v5"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/view"
)

// liveHeader marks a request of the page's script for the live parts: what is shown once waits for a person.
const liveHeader = "Left4me-Live"

// themeCookie holds the chosen colours; it is no secret and outlives the session.
const themeCookie = "theme"

// url returns an address below the request's host.
func (p *Panel) url(r *http.Request, elements ...string) string {
	return view.Page{Host: p.hostName(r)}.URL(elements...)
}

// page returns what every page knows; the word for the person that it takes along is then used up. section is the entry of the navigation to mark.
func (p *Panel) page(r *http.Request, section, title string) view.Page {
	who := personOf(r)
	page := view.Page{Title: title, Section: section, User: who.Name, Admin: who.Admin(), Host: p.hostName(r), Theme: themeOf(r), Path: r.URL.RequestURI(),
		Style: p.assets.URL("app.css"), Script: p.assets.URL("app.js"), Icon: p.assets.URL("icon.svg")}
	for _, host := range p.hosts.list() {
		page.Hosts = append(page.Hosts, host.Name)
	}
	if scene := sceneOf(r); scene.subject != "" {
		page.Allow(scene.subject, scene.rights)
	}
	if who.signedIn && r.Header.Get(liveHeader) == "" {
		page.Flash = p.sessions.PopString(r.Context(), sessionFlash)
	}
	return page
}

func themeOf(r *http.Request) string {
	cookie, err := r.Cookie(themeCookie)
	if err == nil && (cookie.Value == "light" || cookie.Value == "dark") {
		return cookie.Value
	}
	return ""
}

// hostName is the address' host. A page about none shows the first.
func (p *Panel) hostName(r *http.Request) string {
	if name := chi.URLParam(r, "host"); name != "" {
		return name
	}
	return p.hosts.list()[0].Name
}

// agent returns the client of the address' host, acting for the person.
func (p *Panel) agent(r *http.Request) (*client.Client, error) {
	host, ok := p.hosts.find(p.hostName(r))
	if !ok {
		return nil, errNoPage
	}
	return host.Client.As(personOf(r).Name), nil
}

func (p *Panel) render(w http.ResponseWriter, r *http.Request, status int, component templ.Component) error {
	templ.Handler(component, templ.WithStatus(status)).ServeHTTP(w, r)
	return nil
}

// show renders a page with status 200.
func (p *Panel) show(w http.ResponseWriter, r *http.Request, component templ.Component) error {
	return p.render(w, r, http.StatusOK, component)
}

// done redirects after a change, with a word for the person.
func (p *Panel) done(w http.ResponseWriter, r *http.Request, target, flash string) error {
	if flash != "" {
		p.sessions.Put(r.Context(), sessionFlash, flash)
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
	return nil
}

// watch leads to the page of the job that a change began, if it did.
func (p *Panel) watch(w http.ResponseWriter, r *http.Request, began api.Job, err error) error {
	if err != nil {
		return err
	}
	return p.done(w, r, p.url(r, "jobs", began.ID), "")
}

var errNoPage = &client.Error{Code: "not_found", Message: "There is no such page.", Hint: "Go back, or start from the dashboard.", Status: http.StatusNotFound}

// problemOf returns what a person may read of an error, and its status.
func problemOf(err error) (*view.Problem, int) {
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		slog.Error("page failed", "error", err)
		return &view.Problem{Message: "Something went wrong on our side.", Hint: "Try again; the panel's log has the details."}, http.StatusInternalServerError
	}
	status := e.Status
	if status < 400 {
		status = http.StatusBadGateway
	}
	return &view.Problem{Message: e.Message, Hint: e.Hint, Field: e.Field, Reference: e.Reference}, status
}

// fail shows an error as a page of its own.
func (p *Panel) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the browser went away
	}
	problem, status := problemOf(err)
	title := "That did not work"
	if status == http.StatusNotFound {
		title = "Not found"
	}
	_ = p.render(w, r, status, view.Failure(p.page(r, "", title), *problem))
}

// address is the host name that the browser used, without the port.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		return r.Host
	}
	return host
}

func (p *Panel) health(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain")
	_, err := w.Write([]byte("ok\n"))
	return err
}

func (p *Panel) static(w http.ResponseWriter, r *http.Request) error {
	if !p.assets.Serve(w, chi.URLParam(r, "file")) {
		return errNoPage
	}
	return nil
}

func (p *Panel) theme(w http.ResponseWriter, r *http.Request) error {
	cookie := &http.Cookie{Name: themeCookie, Value: r.PostFormValue("theme"), Path: "/", MaxAge: 365 * 24 * 3600,
		HttpOnly: true, Secure: !p.InsecureCookies, SameSite: http.SameSiteLaxMode}
	if cookie.Value != "light" && cookie.Value != "dark" {
		cookie.Value, cookie.MaxAge = "", -1
	}
	http.SetCookie(w, cookie)
	http.Redirect(w, r, local(r.PostFormValue("next")), http.StatusSeeOther)
	return nil
}
