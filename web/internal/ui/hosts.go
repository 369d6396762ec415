package ui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/web/internal/account"
)

// agentTime is how long an agent may take to answer a page's questions. The listener gives a page 30 s.
const agentTime = 15 * time.Second

// hosts are the agents of a panel: those it was started with, and those registered in it. It is safe for concurrent
// use.
type hosts struct {
	fixed []Host
	mu    sync.RWMutex
	added []Host
}

// openHosts makes the clients of registered agents. It does not connect: an agent that is down keeps nobody up.
func openHosts(ctx context.Context, options Options) (*hosts, error) {
	h := &hosts{fixed: options.Hosts}
	return h, h.load(ctx, options.Accounts)
}

// load reads the registered agents again.
func (h *hosts) load(ctx context.Context, accounts *account.Store) error {
	rows, err := accounts.Hosts(ctx)
	if err != nil {
		return fmt.Errorf("read hosts: %w", err)
	}
	var added []Host
	for _, row := range rows {
		if h.isFixed(row.Name) {
			continue // the command line wins
		}
		made, err := dial(row)
		if err != nil {
			return fmt.Errorf("host %q: %w", row.Name, err)
		}
		added = append(added, Host{Name: row.Name, Client: made})
	}
	h.mu.Lock()
	old := h.added
	h.added = added
	h.mu.Unlock()
	for _, host := range old {
		host.Client.Close()
	}
	return nil
}

// dial makes the client of a registered agent.
func dial(row account.Host) (*client.Client, error) {
	options := client.Options{Socket: row.Socket, URL: row.URL, Token: row.Token, Timeout: agentTime}
	if row.Pin != "" {
		pinned, err := client.Pinned(row.Pin)
		if err != nil {
			return nil, err
		}
		options.TLS = pinned
	}
	return client.New(options)
}

// list returns all agents, the fixed ones first.
func (h *hosts) list() []Host {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.Concat(h.fixed, h.added)
}

func (h *hosts) find(name string) (Host, bool) {
	list := h.list()
	i := slices.IndexFunc(list, func(host Host) bool { return host.Name == name })
	if i < 0 {
		return Host{}, false
	}
	return list[i], true
}

func (h *hosts) isFixed(name string) bool {
	return slices.ContainsFunc(h.fixed, func(host Host) bool { return host.Name == name })
}

// Close ends all streams and drops the connections to registered agents.
func (p *Panel) Close() {
	p.relays.close()
	p.hosts.mu.Lock()
	defer p.hosts.mu.Unlock()
	for _, host := range p.hosts.added {
		host.Client.Close()
	}
	p.hosts.added = nil
}

// Tend looks after what is over or left to do, until ctx ends: sessions, links, and what hosts would do for people who may not
// do it any more, by token or by schedule.
func (p *Panel) Tend(ctx context.Context, every time.Duration, report func(error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := errors.Join(p.Accounts.Sweep(ctx), p.revokePending(ctx), p.hold(ctx)); err != nil && ctx.Err() == nil {
			report(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
