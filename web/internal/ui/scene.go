package ui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/right"
)

// sceneKey keys the scene in a request's context.
type sceneKey struct{}

// scene is what is known about a request before its handler runs: who asks, and what they may do to what it is about.
type scene struct {
	person  person
	subject string    // "server/alpha"; "" = about no object
	rights  right.Set // of the person on the subject
	again   func() error

	// For the audit log.
	actor  string   // when it is not the person: whoever signs in
	target string   // when the address does not name it
	detail []string // what was changed, without secrets
}

// person is who asks, from the session.
type person struct {
	account.Account
	signedIn bool
}

// right returns p as the rule of package right knows it.
func (p person) right() right.Person {
	if !p.signedIn {
		return right.Person{}
	}
	return right.Person{Name: p.Name, Admin: p.Admin()}
}

func sceneOf(r *http.Request) *scene {
	if s, ok := r.Context().Value(sceneKey{}).(*scene); ok {
		return s
	}
	return &scene{}
}

func personOf(r *http.Request) person { return sceneOf(r).person }

// may reports whether the person has a right on what the request is about.
func may(r *http.Request, need right.Right) bool {
	s := sceneOf(r)
	return s.person.Admin() && s.person.signedIn || s.rights.Has(need)
}

// note adds to what the audit log says about a change. No secrets.
func note(r *http.Request, format string, args ...any) {
	s := sceneOf(r)
	s.detail = append(s.detail, fmt.Sprintf(format, args...))
}

// check holds a row against the rules of the table: a known right, which the path has an object for, and a name in the
// audit log for every change.
func (row route) check() error {
	wrong := func(what string) error { return fmt.Errorf("route %s %s: %s", row.method, row.path, what) }
	kind, object := row.need.Kind(), strings.Contains(row.path, "{name}") || strings.Contains(row.path, "{id}")
	below := strings.HasPrefix(row.path, "/hosts/{host}")
	switch {
	case !right.Known(row.need):
		return wrong("needs a right that is not in the catalogue")
	case row.method == post && row.audit == "", row.method != post && row.audit != "":
		return wrong("a change needs a name in the audit log, and nothing else has one")
	case row.audit == unrecorded && row.need != right.Open && !strings.HasSuffix(row.path, "-preview"):
		return wrong("only what changes nothing can be unrecorded: what is open to everybody, and previews")
	case kind != "" && !below, kind != "" && object == row.need.Creates():
		return wrong("the right is about an object that the path does not name")
	case kind != "" && !strings.HasPrefix(row.path, "/hosts/{host}/"+kind+"s/"):
		return wrong("the right is about another kind of object than the path")
	case row.need == right.Member && below && object:
		return wrong("an object needs a right on it")
	case below && namedByObject(row.path):
		return wrong("an object of that name could not be reached: begin with a hyphen")
	case row.need == right.Open && below:
		return wrong("hosts are not open")
	}
	return nil
}

// namedByObject reports whether the path has, where others have {name}, a word that can be a name.
func namedByObject(path string) bool {
	parts := strings.Split(path, "/")
	if len(parts) < 5 || !slices.Contains([]string{"servers", "overlays", "blueprints", "schedules", "plugins"}, parts[3]) {
		return false
	}
	return parts[4] != "{name}" && !strings.HasPrefix(parts[4], "-")
}

// again checks a request once more, for streams: somebody may have been signed out or lost the right.
func (p *Panel) again(r *http.Request, row route) error {
	before := personOf(r)
	ctx := r.Context()
	now, err := p.Accounts.SignedIn(ctx, before.ID, p.sessions.GetInt64(ctx, sessionSignIn), p.sessions.GetInt64(ctx, sessionEpoch))
	if err != nil {
		return err
	}
	return p.authorize(r, row, &scene{person: person{Account: now, signedIn: true}})
}

// authorize decides whether the person may do what a row does, and fills the scene in.
func (p *Panel) authorize(r *http.Request, row route, s *scene) error {
	if row.need == right.Open {
		return nil
	}
	if row.need == right.Admin {
		if !s.person.Admin() {
			return errForbidden("This page is for administrators.", "Ask one of them.")
		}
		return nil
	}
	kind := row.need.Kind()
	switch {
	case kind == "":
		return nil
	case row.need.Creates():
		return p.checkLimit(r, kind, s.person)
	}
	if s.person.Admin() {
		s.subject = kind + "/" + param(r, "name")
		s.rights = right.Of(s.person.right(), right.Object{Kind: kind}, nil)
		return nil
	}
	agent, err := p.agentAs(r, s.person)
	if err != nil {
		return err
	}
	switch kind {
	case "job":
		return p.authorizeJob(r, agent, row.need, s)
	case "schedule":
		return p.authorizeSchedule(r, agent, row.need, s)
	}
	s.subject = kind + "/" + param(r, "name")
	if s.rights, err = p.rightsOn(r, agent, s.person, s.subject); err != nil {
		return err
	}
	return enough(s.rights, row.need, s.subject)
}

// enough tells nobody that there is something which they may not see.
func enough(rights right.Set, need right.Right, subject string) error {
	kind, name, _ := strings.Cut(subject, "/")
	if !rights.Has(right.Right(kind + ".view")) {
		return errNothing(kind, name)
	}
	if !rights.Has(need) {
		return errForbidden(fmt.Sprintf("You may not do this with %s %q.", kind, name), "Ask its owner for the right "+string(need)+".")
	}
	return nil
}

// authorizeJob: a job may be seen by whoever asked for it and whoever may see what it is about, and steered by whoever
// may do the same to its object.
func (p *Panel) authorizeJob(r *http.Request, agent *client.Client, need right.Right, s *scene) error {
	id := param(r, "id")
	job, err := agent.Job(r.Context(), id)
	if client.Is(err, client.CodeNotFound) {
		return errNothing("job", id)
	}
	if err != nil {
		return err
	}
	sees, err := p.sightOf(r, agent, s.person)
	if err != nil {
		return err
	}
	if !sees.job(job) {
		return errNothing("job", id)
	}
	s.subject, s.rights = "job/"+id, right.Set{right.JobView}
	if sees.has(job.Subject, right.ForJob(job.Kind)) {
		s.rights = append(s.rights, right.JobSteer)
	}
	return enough(s.rights, need, s.subject)
}

// rightsOn returns what a person may do to an object; none when there is no such object.
func (p *Panel) rightsOn(r *http.Request, agent *client.Client, who person, subject string) (right.Set, error) {
	ctx := r.Context()
	kind, name, _ := strings.Cut(subject, "/")
	object, id, err := right.Object{Kind: kind}, "", error(nil)
	switch kind {
	case "server":
		found, failure := agent.Server(ctx, name)
		object.Owner, id, err = found.Owner, found.ID, failure
	case "overlay":
		found, failure := agent.Overlay(ctx, name)
		object.Owner, object.System, err = found.Owner, found.System, failure
	case "blueprint":
		found, failure := agent.Blueprint(ctx, name)
		object.Owner, err = found.Owner, failure
	}
	if client.Is(err, client.CodeNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var shared right.Set
	if kind == "server" {
		text, err := p.Accounts.ShareOf(ctx, p.hostName(r), id, who.ID)
		if err != nil {
			return nil, err
		}
		shared = right.ParseSet(text)
	}
	return right.Of(who.right(), object, shared), nil
}

// agentAs returns the client of the address' host for a person whom the request does not carry yet.
func (p *Panel) agentAs(r *http.Request, who person) (*client.Client, error) {
	host, ok := p.hosts.find(p.hostName(r))
	if !ok {
		return nil, errNoPage
	}
	return host.Client.As(who.Name), nil
}

// limitOf returns how many of a kind an account may own on a host.
func limitOf(a account.Account, kind string) int {
	return map[string]int{"server": a.Servers, "overlay": a.Overlays, "blueprint": a.Blueprints}[kind]
}

// checkLimit refuses to make more than an account may own on a host.
func (p *Panel) checkLimit(r *http.Request, kind string, who person) error {
	limit := limitOf(who.Account, kind)
	if who.Admin() || limit == account.Unlimited {
		return nil
	}
	owned := 0
	if limit > 0 {
		agent, err := p.agentAs(r, who)
		if err != nil {
			return err
		}
		sees, err := p.sightOf(r, agent, who)
		if err != nil {
			return err
		}
		owned = sees.owned(kind)
	}
	if owned >= limit {
		return errForbidden(fmt.Sprintf("Your account may own %d %ss on a host, and owns %d.", limit, kind, owned),
			"Delete one, or ask an administrator for more.")
	}
	return nil
}

func errForbidden(message, hint string) error {
	return &client.Error{Code: client.CodeForbidden, Message: message, Hint: hint, Status: http.StatusForbidden}
}

// errNothing says the same as an agent about what does not exist.
func errNothing(kind, name string) error {
	return &client.Error{Code: client.CodeNotFound, Message: fmt.Sprintf("There is no %s %q.", kind, name),
		Hint: "Go back, or start from the dashboard.", Status: http.StatusNotFound}
}

// background returns a context for what must be written although the browser went away.
func background(r *http.Request) context.Context { return context.WithoutCancel(r.Context()) }

// isLinkError reports whether somebody came with a link that does not work.
func isLinkError(err error) bool { return errors.Is(err, account.ErrLink) }
