package ui

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/view"
)

// hostTime is how long a page about many hosts waits for each of them.
const hostTime = 3 * time.Second

// eachHost asks all hosts at once. One that fails, or takes longer than hostTime, has a problem instead of an answer.
func eachHost[T any](ctx context.Context, list []Host, ask func(context.Context, Host) (T, error)) []view.PerHost[T] {
	out := make([]view.PerHost[T], len(list))
	var asking sync.WaitGroup
	for i, host := range list {
		asking.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, hostTime)
			defer cancel()
			answer, err := ask(ctx, host)
			out[i] = view.PerHost[T]{Name: host.Name, Answer: answer}
			if errors.Is(err, context.DeadlineExceeded) {
				out[i].Problem = &view.Problem{Message: "The agent at " + host.Client.Place() + " does not answer.", Hint: "Look at its log, and at the network between."}
			} else if err != nil {
				out[i].Problem, _ = problemOf(err)
			}
		})
	}
	asking.Wait()
	return out
}

// root shows the servers of all hosts side by side; with one host its dashboard says more.
func (p *Panel) root(w http.ResponseWriter, r *http.Request) error {
	list := p.hosts.list()
	if len(list) == 1 {
		http.Redirect(w, r, p.url(r), http.StatusSeeOther)
		return nil
	}
	page := p.page(r, "overview", "All hosts")
	page.Refresh = 10
	who := personOf(r)
	hosts := eachHost(r.Context(), list, func(ctx context.Context, host Host) (view.HostServers, error) {
		agent := host.Client.As(who.Name)
		out := view.HostServers{Address: gameAddress(r, host)}
		var err error
		if out.Host, err = agent.Host(ctx); err != nil {
			return out, err
		}
		sees, err := p.look(ctx, agent, host.Name, who)
		out.Servers = sees.servers
		out.Page = page
		out.Page.Host = host.Name
		out.Page.On = nil
		sees.tell(&out.Page)
		return out, err
	})
	return p.show(w, r, view.Overview(page, hosts))
}

// gameAddress is where players reach the servers of a host: where its agent is, or where this panel is when the agent is
// on the same machine.
func gameAddress(r *http.Request, host Host) string {
	u, err := url.Parse(host.Client.Place())
	if err != nil || u.Hostname() == "" {
		return address(r)
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		return address(r)
	}
	return u.Hostname()
}

func (p *Panel) hostsPage(w http.ResponseWriter, r *http.Request) error {
	rows, err := p.Accounts.Hosts(r.Context())
	if err != nil {
		return err
	}
	known := map[string]account.Host{}
	for _, row := range rows {
		known[row.Name] = row
	}
	checked := eachHost(r.Context(), p.hosts.list(), func(ctx context.Context, host Host) (view.HostState, error) {
		began := time.Now()
		out := view.HostState{Place: host.Client.Place(), Fixed: p.hosts.isFixed(host.Name), Pin: known[host.Name].Pin}
		var err error
		out.Host, err = host.Client.Host(ctx)
		out.Took = time.Since(began)
		return out, err
	})
	return p.show(w, r, view.Hosts(p.page(r, "hosts", "Hosts"), checked))
}

func (p *Panel) hostNew(w http.ResponseWriter, r *http.Request) error {
	return p.hostForm(w, r, http.StatusOK, view.HostForm{New: true}, nil)
}

func (p *Panel) hostForm(w http.ResponseWriter, r *http.Request, status int, form view.HostForm, problem *view.Problem) error {
	title := "Add a host"
	if !form.New {
		title = "Host " + form.Name
	}
	return p.render(w, r, status, view.HostEdit(p.page(r, "hosts", title), form, problem))
}

// registered returns the registered host of the address. Those of the command line cannot be changed here.
func (p *Panel) registered(r *http.Request) (account.Host, error) {
	host, err := p.Accounts.GetHost(r.Context(), param(r, "host"))
	if errors.Is(err, account.ErrNoHost) {
		return host, errNothing("registered host", param(r, "host"))
	}
	return host, err
}

func (p *Panel) hostEdit(w http.ResponseWriter, r *http.Request) error {
	host, err := p.registered(r)
	if err != nil {
		return err
	}
	return p.hostForm(w, r, http.StatusOK, view.HostForm{Name: host.Name, Address: host.Socket + host.URL, Pin: host.Pin}, nil)
}

// hostNames is what a host may be called: its name stands in addresses.
var hostNames = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

func (p *Panel) hostSave(w http.ResponseWriter, r *http.Request) error {
	form := view.HostForm{New: param(r, "host") == "", Name: strings.TrimSpace(r.PostFormValue("name")),
		Address: strings.TrimSpace(r.PostFormValue("address")), Pin: strings.ToLower(strings.TrimSpace(r.PostFormValue("pin")))}
	token := strings.TrimSpace(r.PostFormValue("token"))
	if !form.New {
		old, err := p.registered(r)
		if err != nil {
			return err
		}
		form.Name = old.Name
		if token == "" && old.URL == form.Address {
			token = old.Token // only where it went before: a new address does not get the old secret
		}
	}
	sceneOf(r).target = "host/" + cut(form.Name)
	row, problem := p.readHost(form, token)
	if problem == nil {
		problem = p.tryHost(r.Context(), row)
	}
	if problem != nil {
		return p.hostForm(w, r, http.StatusBadRequest, form, problem)
	}
	note(r, "address %s, pin %s", form.Address, form.Pin)
	if err := p.Accounts.PutHost(r.Context(), row); err != nil {
		return err
	}
	if err := p.hosts.load(r.Context(), p.Accounts); err != nil {
		return err
	}
	return p.done(w, r, "/hosts", "The host is there: its servers stand beside the others.")
}

// readHost checks what was typed.
func (p *Panel) readHost(form view.HostForm, token string) (account.Host, *view.Problem) {
	row := account.Host{Name: form.Name, Token: token, Pin: form.Pin}
	if !hostNames.MatchString(form.Name) || form.Name == "new" {
		return row, &view.Problem{Message: "A host's name has a-z, 0-9 and -.", Hint: "Choose a short one; it stands in addresses.", Field: "name"}
	}
	if _, taken := p.hosts.find(form.Name); form.New && taken {
		return row, &view.Problem{Message: "There is a host with that name already.", Hint: "Choose another name.", Field: "name"}
	}
	if strings.HasPrefix(form.Address, "/") {
		row.Socket, row.Token, row.Pin = form.Address, "", ""
		return row, nil
	}
	u, err := url.Parse(form.Address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return row, &view.Problem{Message: "This is neither the path of a socket nor an https address.", Hint: "Write, for example, https://gamehost:8440.", Field: "address"}
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && (ip == nil || !ip.IsLoopback()) {
		return row, &view.Problem{Message: "Over plain http everybody between could read the token.", Hint: "Give the agent a certificate and write https.", Field: "address"}
	}
	if token == "" {
		return row, &view.Problem{Message: "An agent at a distance wants a token.", Hint: `Make one on its host: left4me token create panel --scope admin --act`, Field: "token"}
	}
	row.URL = form.Address
	return row, nil
}

// tryHost asks the agent once, so that a mistake shows now.
func (p *Panel) tryHost(ctx context.Context, row account.Host) *view.Problem {
	made, err := dial(row)
	if err != nil {
		problem, _ := problemOf(err)
		if problem.Field == "" {
			problem.Field = "address"
		}
		return problem
	}
	defer made.Close()
	list := []Host{{Name: row.Name, Client: made}}
	answer := eachHost(ctx, list, func(ctx context.Context, host Host) (api.Host, error) { return host.Client.Host(ctx) })[0]
	if answer.Problem == nil || row.URL == "" {
		return answer.Problem
	}
	ctx, cancel := context.WithTimeout(ctx, hostTime)
	defer cancel()
	if seen, err := client.Fingerprint(ctx, row.URL); err == nil && row.Pin != seen {
		answer.Problem.Field = "pin"
		answer.Problem.Hint = "The certificate there is " + seen + ". Compare it with the one on the host itself; if it is the same, enter it as the pin."
	}
	return answer.Problem
}

func (p *Panel) hostConfirm(w http.ResponseWriter, r *http.Request) error {
	host, err := p.registered(r)
	if err != nil {
		return err
	}
	return p.show(w, r, view.Confirm(p.page(r, "hosts", "Remove "+host.Name), "Takes the host out of this panel. The agent there and its servers go on.",
		"What was shared on this host is forgotten here.", "Remove host", "/hosts"))
}

func (p *Panel) hostRemove(w http.ResponseWriter, r *http.Request) error {
	host, err := p.registered(r)
	if err != nil {
		return err
	}
	if err := p.Accounts.RemoveHost(r.Context(), host.Name); err != nil {
		return err
	}
	if err := p.hosts.load(r.Context(), p.Accounts); err != nil {
		return err
	}
	return p.done(w, r, "/hosts", "The host is removed.")
}
