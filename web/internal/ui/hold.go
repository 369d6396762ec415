package ui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/right"
	"github.com/left4me/left4me/web/internal/view"
)

// A schedule acts in the name of its owner, and only while that person may do by hand what it does. The agent knows no
// rights of people, so the panel looks: when it takes a right back, and every minute, because rights also end by what
// happens on a host.

// hold switches off, on every host that answers, the schedules whose owners may not do any more what they do.
func (p *Panel) hold(ctx context.Context) error {
	var failed error
	for _, host := range p.hosts.list() {
		failed = errors.Join(failed, p.holdOn(ctx, host.Name))
	}
	return failed
}

// holdOn is hold for one host. One that does not answer is no error: the next round comes.
func (p *Panel) holdOn(ctx context.Context, name string) error {
	host, ok := p.hosts.find(name)
	if !ok {
		return nil
	}
	schedules, err := host.Client.Schedules(ctx)
	if err != nil {
		return silent(err)
	}
	seen := map[string]standing{}
	for _, s := range schedules {
		if !s.Enabled {
			continue
		}
		who, ok := seen[s.Owner]
		if !ok {
			if who, err = p.standing(ctx, host, s.Owner); err != nil {
				return silent(err)
			}
			seen[s.Owner] = who
		}
		if reason := who.lacks(s.ScheduleDefinition, s.Owner); reason != "" {
			if err := p.switchOff(ctx, host, s, reason); err != nil {
				return silent(err)
			}
		}
	}
	return nil
}

// silent keeps what an agent answers, or fails to, out of the log: it is tried again.
func silent(err error) error {
	if _, ok := errors.AsType[*client.Error](err); ok {
		return nil
	}
	return err
}

// standing is what an owner of schedules may do on a host now.
type standing struct {
	free  bool   // no account of this panel, or an administrator: nothing is to be looked at
	gone  string // why the account may do nothing at all
	sight sight
}

func (p *Panel) standing(ctx context.Context, host Host, owner string) (standing, error) {
	name, _, _ := strings.Cut(owner, ":") // of a token
	found, err := p.Accounts.Known(ctx, name)
	switch {
	case errors.Is(err, account.ErrNotFound):
		return standing{free: true}, nil
	case err != nil:
		return standing{}, err
	case found.DeletedAt != nil:
		return standing{gone: "The account " + name + ", whose it is, was deleted."}, nil
	case found.DisabledAt != nil:
		return standing{gone: "The account " + name + ", whose it is, is disabled."}, nil
	case found.Admin():
		return standing{free: true}, nil
	}
	sees, err := p.look(ctx, host.Client, host.Name, person{Account: found, signedIn: true})
	return standing{sight: sees}, err
}

// lacks says why a schedule may not go on; "" when it may.
func (s standing) lacks(d api.ScheduleDefinition, owner string) string {
	if s.free || s.gone != "" {
		return s.gone
	}
	name, _, _ := strings.Cut(owner, ":")
	c, missing := s.sight.lacks(d, name)
	if !missing {
		return ""
	}
	kind, subject, _ := strings.Cut(c.subject, "/")
	switch {
	case c.subject == "" || c.need == right.Admin:
		return fmt.Sprintf("%s, whose it is, is no administrator any more.", name)
	case subject == "":
		return fmt.Sprintf("%s, whose it is, may not do it on every %s.", name, kind)
	}
	return fmt.Sprintf("%s, whose it is, has no longer the right %s on %s %q.", name, c.need, kind, subject)
}

// switchOff tells the agent and the audit log. A run that waits to do something in the owner's name ends.
func (p *Panel) switchOff(ctx context.Context, host Host, s api.Schedule, reason string) error {
	off := false
	if _, err := host.Client.UpdateSchedule(ctx, s.Name, api.ScheduleUpdate{Enabled: &off, Reason: reason}); err != nil {
		return err
	}
	if err := p.Accounts.Record(ctx, account.Entry{Actor: "system", Action: "schedule.hold", Host: host.Name, Target: "schedule/" + s.Name,
		Status: http.StatusOK, Detail: reason}); err != nil || s.LastJob == "" {
		return err
	}
	last, err := host.Client.Job(ctx, s.LastJob)
	if err == nil && view.Busy(last.Status) && (last.Actor == "" || last.Actor == s.Owner) {
		_, err = host.Client.CancelJob(ctx, last.ID)
	}
	return silent(err)
}

// takes reports whether a schedule becomes its changer's: when its owner may not do what it does, somebody who may must
// stand for it.
func (p *Panel) takes(r *http.Request, owner string, d api.ScheduleDefinition) (bool, error) {
	if personOf(r).Name == owner {
		return false, nil
	}
	host, ok := p.hosts.find(p.hostName(r))
	if !ok {
		return false, errNoPage
	}
	who, err := p.standing(r.Context(), host, owner)
	return err == nil && who.lacks(d, owner) != "", err
}
