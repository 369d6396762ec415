package ui

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"time"

	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/account"
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

// requestKey keys what a request carries.
type requestKey struct{}

// person is who asks, from the session.
type person struct {
	account.Account
	signedIn bool
}

func personOf(r *http.Request) person {
	p, _ := r.Context().Value(requestKey{}).(person)
	return p
}

// Keys of session data.
const (
	sessionAccount = "account"
	sessionEpoch   = "epoch"
	sessionFlash   = "flash"
	sessionSeen    = "seen" // Unix seconds of the last request, give or take an hour
)

// maxIdle is how long a session lives without a request.
const maxIdle = 7 * 24 * time.Hour

// handle makes a row an http.Handler: it finds out who asks, refuses who may not, and shows errors.
func (p *Panel) handle(row route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if row.method == post {
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		}
		who, err := p.identify(r.Context())
		if err != nil {
			p.fail(w, r, err)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, who))
		if row.access == member && !who.signedIn {
			p.toSignIn(w, r)
			return
		}
		err = parse(r)
		if err == nil {
			err = row.handler(p, w, r)
		}
		if err != nil {
			p.fail(w, r, err)
		}
	})
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

// identify returns who a session belongs to. A session of an older epoch, or of a deleted account, is nobody's.
func (p *Panel) identify(ctx context.Context) (person, error) {
	id := p.sessions.GetInt64(ctx, sessionAccount)
	if id == 0 {
		return person{}, nil
	}
	found, err := p.Accounts.Get(ctx, id)
	if errors.Is(err, account.ErrNotFound) || err == nil && found.Epoch != p.sessions.GetInt64(ctx, sessionEpoch) {
		return person{}, p.sessions.Destroy(ctx)
	}
	idle := time.Since(time.Unix(p.sessions.GetInt64(ctx, sessionSeen), 0))
	if idle > maxIdle {
		return person{}, p.sessions.Destroy(ctx)
	}
	if idle > time.Hour {
		p.sessions.Put(ctx, sessionSeen, time.Now().Unix())
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
