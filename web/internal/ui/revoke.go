package ui

import (
	"context"
	"errors"

	"github.com/left4me/left4me/web/internal/account"
)

// revokeTokens makes every agent refuse the tokens of a person.
func (p *Panel) revokeTokens(ctx context.Context, owner string) error {
	var failed error
	for _, host := range p.hosts.list() {
		failed = errors.Join(failed, p.revokeTokensFor(ctx, host.Name, owner, ""))
	}
	return failed
}

// revokeTokensFor makes an agent refuse a person's tokens for a server, or all of them. It is written down first, so
// that an agent that is down is told as soon as it is back.
func (p *Panel) revokeTokensFor(ctx context.Context, host, owner, server string) error {
	wanted := account.Revocation{Host: host, Owner: owner, Server: server}
	if err := p.Accounts.PutRevocation(ctx, wanted); err != nil {
		return err
	}
	if p.revoke(ctx, wanted) != nil {
		return nil // Tend tries again, and looks at the schedules
	}
	return p.holdOn(ctx, host)
}

func (p *Panel) revokePending(ctx context.Context) error {
	waiting, err := p.Accounts.Revocations(ctx)
	for _, r := range waiting {
		_ = p.revoke(ctx, r) // the next round tries again
	}
	return err
}

func (p *Panel) revoke(ctx context.Context, r account.Revocation) error {
	host, ok := p.hosts.find(r.Host)
	if !ok {
		return nil // until it is registered again
	}
	if err := host.Client.RevokeTokensOf(ctx, r.Owner, r.Server); err != nil {
		return err
	}
	return p.Accounts.RevocationDone(ctx, r)
}
