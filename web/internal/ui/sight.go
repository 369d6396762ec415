package ui

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/right"
	"github.com/left4me/left4me/web/internal/view"
)

// sight is what a person may see of a host, and do there.
type sight struct {
	who        right.Person
	shared     map[string]right.Set // by id of the server
	subjects   map[string]object
	servers    []api.Server
	overlays   []api.Overlay
	blueprints []api.Blueprint
	schedules  []api.Schedule
}

// object is one thing that a person may see.
type object struct {
	rights  right.Set
	owner   string
	created time.Time
}

// sight asks the agent what there is, and keeps what the person may see.
func (p *Panel) sight(r *http.Request) (sight, error) {
	agent, err := p.agent(r)
	if err != nil {
		return sight{}, err
	}
	return p.sightOf(r, agent, personOf(r))
}

// sieve is a sight to filter with: an administrator's needs no questions.
func (p *Panel) sieve(r *http.Request) (sight, error) {
	if who := personOf(r); who.Admin() {
		return sight{who: who.right()}, nil
	}
	return p.sight(r)
}

func (p *Panel) sightOf(r *http.Request, agent *client.Client, who person) (sight, error) {
	return p.look(r.Context(), agent, p.hostName(r), who)
}

// look is sightOf for a host that the address does not name.
func (p *Panel) look(ctx context.Context, agent *client.Client, host string, who person) (sight, error) {
	s := sight{who: who.right(), shared: map[string]right.Set{}, subjects: map[string]object{}}
	given, err := p.Accounts.SharesOf(ctx, host, who.ID)
	if err != nil {
		return s, err
	}
	for _, share := range given {
		s.shared[share.Server] = right.ParseSet(share.Rights)
	}
	servers, err := agent.Servers(ctx)
	if err != nil {
		return s, err
	}
	overlays, err := agent.Overlays(ctx)
	if err != nil {
		return s, err
	}
	blueprints, err := agent.Blueprints(ctx)
	if err != nil {
		return s, err
	}
	s.servers = keep(servers, func(x api.Server) bool {
		return s.add("server", x.Name, right.Object{Owner: x.Owner}, x.CreatedAt, s.shared[x.ID])
	})
	s.overlays = keep(overlays, func(x api.Overlay) bool {
		return s.add("overlay", x.Name, right.Object{Owner: x.Owner, System: x.System}, x.CreatedAt, nil)
	})
	s.blueprints = keep(blueprints, func(x api.Blueprint) bool {
		return s.add("blueprint", x.Name, right.Object{Owner: x.Owner}, x.CreatedAt, nil)
	})
	schedules, err := agent.Schedules(ctx)
	if err != nil {
		return s, err
	}
	s.schedules = keep(schedules, s.schedule)
	for _, x := range s.schedules {
		s.subjects["schedule/"+x.Name] = object{rights: right.Set{right.ScheduleView, right.ScheduleEdit}, owner: x.Owner, created: s.youngest(x)}
	}
	for i := range s.overlays {
		s.overlays[i].UsedBy = s.names("blueprint", s.overlays[i].UsedBy)
	}
	for i := range s.blueprints {
		s.blueprints[i].UsedBy = s.names("server", s.blueprints[i].UsedBy)
	}
	return s, nil
}

// names keeps those of a kind that the person may see.
func (s sight) names(kind string, names []string) []string {
	return keep(names, func(name string) bool { return s.has(kind+"/"+name, right.Right(kind+".view")) })
}

func keep[T any](list []T, visible func(T) bool) []T {
	out := make([]T, 0, len(list))
	for _, x := range list {
		if visible(x) {
			out = append(out, x)
		}
	}
	return out
}

func (s sight) add(kind, name string, o right.Object, created time.Time, shared right.Set) bool {
	o.Kind = kind
	rights := right.Of(s.who, o, shared)
	if !rights.Has(right.Right(kind + ".view")) {
		return false
	}
	s.subjects[kind+"/"+name] = object{rights: rights, owner: o.Owner, created: created}
	return true
}

// has reports whether the person has a right on a subject.
func (s sight) has(subject string, need right.Right) bool {
	return s.who.Admin || s.subjects[subject].rights.Has(need)
}

// owned counts what the person owns of a kind.
func (s sight) owned(kind string) int {
	n := 0
	for subject, o := range s.subjects {
		if o.owner == s.who.Name && subject[:min(len(subject), len(kind)+1)] == kind+"/" {
			n++
		}
	}
	return n
}

// since reports whether the person may see what happened to a subject at a time. Names are used again; what happened
// before the present bearer of the name was made belongs to an earlier one.
func (s sight) since(subject, actor string, at time.Time) bool {
	owner, _, _ := strings.Cut(actor, ":") // of a token
	if s.who.Admin || owner == s.who.Name {
		return true
	}
	o, ok := s.subjects[subject]
	return ok && !at.Before(o.created)
}

func (s sight) job(j api.Job) bool { return s.since(j.Subject, j.Actor, j.CreatedAt) }

func (s sight) event(e api.Event) bool { return s.since(e.Subject, e.Actor, e.Time) }

// A liveSight is looked at again when it is this old, and at once for what it does not show, but not more often than
// each second: something may have been made or shared meanwhile, or taken back.
const (
	sightFor   = 15 * time.Second
	sightEvery = time.Second
)

// liveSight filters a stream. It is not safe for concurrent use.
type liveSight struct {
	sight
	at    time.Time
	again func() (sight, error)
}

func (p *Panel) newLiveSight(r *http.Request) (*liveSight, error) {
	again := func() (sight, error) { return p.sieve(r) }
	first, err := again()
	return &liveSight{sight: first, at: time.Now(), again: again}, err
}

func (s *liveSight) event(e api.Event) bool {
	age := time.Since(s.at)
	shown := s.sight.event(e)
	if age > sightFor || !shown && age > sightEvery {
		fresh, err := s.again()
		if err != nil {
			return false
		}
		s.sight, s.at = fresh, time.Now()
		shown = fresh.event(e) || shown && strings.HasSuffix(e.Kind, ".deleted")
	}
	return shown
}

// tell gives a page the rights, for its buttons.
func (s sight) tell(page *view.Page) {
	for subject, o := range s.subjects {
		page.Allow(subject, o.rights)
	}
}

// youngest is the time from which on a schedule's events are about the servers that it names today: a name may have been
// another server's before.
func (s sight) youngest(x api.Schedule) time.Time {
	at := x.CreatedAt
	names := []string{x.Trigger.Server, x.Conditions.Server}
	for _, a := range x.Actions {
		names = append(names, a.Server)
	}
	for _, name := range names {
		if made := s.subjects["server/"+name].created; made.After(at) {
			at = made
		}
	}
	return at
}
