package api

import "time"

// Scopes of tokens. Those about everything include the ones before; those about servers are single rights, which
// can be bound to certain servers.
const (
	ScopeRead    = "read"    // look at everything
	ScopeOperate = "operate" // start, stop, build, cancel what exists
	ScopeAdmin   = "admin"   // everything

	ScopeServerView    = "server.view"    // state, jobs and events of servers; every other one includes it
	ScopeServerConsole = "server.console" // read the console
	ScopeServerPlayers = "server.players" // who plays; say, kick, ban
	ScopeServerMap     = "server.map"     // go to another map
	ScopeServerPower   = "server.power"   // start, stop, restart, kill
	ScopeServerCommand = "server.command" // console commands
	ScopeServerReset   = "server.reset"   // throw away what a server wrote
)

// Token lets a program use the API. Its secret is shown once, when it is made.
type Token struct {
	ID         string     `json:"id"`
	Name       string     `json:"name" doc:"What it is for."`
	Owner      string     `json:"owner" doc:"Who made it."`
	Scopes     []string   `json:"scopes"`
	Servers    []string   `json:"servers,omitempty" doc:"Names of the only servers it may be used for; all when absent."`
	Limited    bool       `json:"limited" doc:"It is for certain servers alone, also when all of them are deleted."`
	Act        bool       `json:"act" doc:"Its bearer may say on whose behalf it acts: for a panel."`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty" doc:"Give or take a minute."`
}

// TokenCreate makes a token.
type TokenCreate struct {
	Name      string     `json:"name"`
	Scopes    []string   `json:"scopes"`
	Servers   []string   `json:"servers,omitempty" doc:"Names. Only with scopes that begin with server."`
	Act       bool       `json:"act,omitempty" doc:"Only with the scope admin."`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// TokenSecret is a token right after it was made.
type TokenSecret struct {
	Token  Token  `json:"token"`
	Secret string `json:"secret" doc:"What the bearer sends. It is not kept and not shown again."`
}

// TokenRevoke revokes the tokens of somebody.
type TokenRevoke struct {
	Owner  string `json:"owner" doc:"Whose."`
	Server string `json:"server,omitempty" doc:"Id: only the tokens for this server, among others or alone; all when absent."`
}

// TokenRevoked says how many tokens were revoked.
type TokenRevoked struct {
	Count int `json:"count"`
}

// Paths of tokens.
const (
	PathTokens       = Prefix + "/tokens"     // GET []Token ?owner=, POST TokenCreate -> 201 TokenSecret
	PathToken        = PathTokens + "/{id}"   // DELETE
	PathTokensRevoke = PathTokens + "/revoke" // POST TokenRevoke -> TokenRevoked
)
