package ui

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"

	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/right"
)

// policy is the content security policy: everything from here, nothing inline, in nobody's frame.
const policy = "default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"

func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (p *Panel) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause)
			}
			slog.Error("panic in a page", "path", r.URL.Path, "cause", cause, "stack", string(debug.Stack()))
			http.Error(w, "Something went wrong on our side. The panel's log has the details.", http.StatusInternalServerError)
		}()
		next.ServeHTTP(w, r)
	})
}

// maxForm bounds the form of a POST, in bytes.
const maxForm = 1 << 20

// Keys of session data.
const (
	sessionAccount = "account"
	sessionSignIn  = "sign-in" // id of the row that must still be there
	sessionEpoch   = "epoch"
	sessionFlash   = "flash"
	sessionPending = "pending" // account whose password was right and whose code is awaited
	sessionSince   = "since"   // Unix seconds of that
	sessionCodes   = "codes"   // recovery codes, to be shown once
)

// handle makes a row an http.Handler: it finds out who asks, refuses who may not, shows errors, and records changes.
func (p *Panel) handle(row route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if row.method == post {
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		}
		who, err := p.identify(r.Context())
		scene := &scene{person: who}
		r = r.WithContext(context.WithValue(r.Context(), sceneKey{}, scene))
		if err != nil {
			p.fail(w, r, err)
			return
		}
		if row.need != right.Open && !who.signedIn {
			p.toSignIn(w, r)
			return
		}
		if row.method == post && row.audit != unrecorded {
			seen := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
			defer func() { p.record(r, row, scene, seen.status) }()
			w = seen
		}
		if err := p.serve(w, r, row, scene); err != nil {
			p.fail(w, r, err)
		}
	})
}

// serve checks a request against its row and hands it over.
func (p *Panel) serve(w http.ResponseWriter, r *http.Request, row route, scene *scene) error {
	if err := p.authorize(r, row, scene); err != nil {
		return err
	}
	scene.again = func() error { return p.again(r, row) }
	if err := parse(r); err != nil {
		return err
	}
	return row.handler(p, w, r)
}

// parse reads the form of a POST, so that handlers need not fear a cut one.
func parse(r *http.Request) error {
	if r.Method != post {
		return nil
	}
	err := r.ParseForm()
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return &client.Error{Code: client.CodeInvalid, Message: "The form is larger than 1 MiB.", Hint: "Make it shorter.",
			Status: http.StatusRequestEntityTooLarge}
	}
	if err != nil {
		return &client.Error{Code: client.CodeInvalid, Message: "The form cannot be read.", Hint: "Go back and send it again.",
			Status: http.StatusBadRequest}
	}
	return nil
}

// identify returns who a session belongs to. One that is over, or of an account that is gone, is nobody's.
func (p *Panel) identify(ctx context.Context) (person, error) {
	id := p.sessions.GetInt64(ctx, sessionAccount)
	if id == 0 {
		return person{}, nil
	}
	found, err := p.Accounts.SignedIn(ctx, id, p.sessions.GetInt64(ctx, sessionSignIn), p.sessions.GetInt64(ctx, sessionEpoch))
	if errors.Is(err, account.ErrNotFound) {
		return person{}, p.sessions.Destroy(ctx)
	}
	return person{Account: found, signedIn: err == nil}, err
}

func (p *Panel) toSignIn(w http.ResponseWriter, r *http.Request) {
	target := "/sign-in"
	if r.Method == get && r.URL.Path != "/" {
		target += "?next=" + url.QueryEscape(r.URL.RequestURI())
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// local returns next when it is a path of this panel, else "/": an address that leads elsewhere is not followed.
func local(next string) string {
	parsed, err := url.Parse(next)
	if err != nil || parsed.IsAbs() || parsed.Host != "" || len(next) < 1 || next[0] != '/' ||
		len(next) > 1 && (next[1] == '/' || next[1] == '\\') {
		return "/"
	}
	return next
}
