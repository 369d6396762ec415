package httpapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
)

// Access is what an identity may do and what a route asks for: a level, each of which includes the ones below it, and
// for a route also the scope that gives a token just this: Operate | ServerPower.
type Access int

// Accesses. The zero value is none of them, so a route without a policy is found before it serves.
const (
	Open    Access = iota + 1 // anybody, also without credentials
	Read                      // look at things
	Operate                   // start, stop, build, cancel: what already exists
	Admin                     // create, change, delete, run console commands, install
)

// Scopes that routes name beside their level; [Access.Scope] gives their names.
const (
	ServerView Access = (iota + 1) << levelBits
	ServerConsole
	ServerPlayers
	ServerMap
	ServerPower
	ServerCommand
	ServerReset
	ServerFiles
	ServerWrite
)

const levelBits = 4

// scopeNames are in the order of the constants; the first is none.
func scopeNames() []string {
	return []string{"", api.ScopeServerView, api.ScopeServerConsole, api.ScopeServerPlayers, api.ScopeServerMap, api.ScopeServerPower,
		api.ScopeServerCommand, api.ScopeServerReset, api.ScopeServerFiles, api.ScopeServerWrite}
}

func (a Access) level() Access { return a & (1<<levelBits - 1) }

// valid reports whether a can stand in a row.
func (a Access) valid() bool {
	return a.level() >= Open && a.level() <= Admin && int(a>>levelBits) < len(scopeNames())
}

// Scope names the scope that gives a token just this; "" = only the level does.
func (a Access) Scope() string { return scopeNames()[a>>levelBits] }

// String names the level for the reference.
func (a Access) String() string {
	return [...]string{"none", "open", "read", "operate", "admin"}[a.level()]
}

// Grants says who may do what. Root and the agent's own user are Admin on the unix socket whatever it
// says; nobody else may do anything by default.
type Grants struct {
	UIDs map[int]Access // local users on the unix socket
	GIDs map[int]Access // local groups on the unix socket, supplementary ones included
	// Token admits its bearer as Admin on any listener. "" admits nobody. It stands in a file of the operator; other tokens
	// are made over the API, see Tokens.
	Token string
}

// identity is who sent a request.
type identity struct {
	access Access
	actor  string  // when the request names nobody else
	act    bool    // it may name somebody else
	bearer *Bearer // of a token that was made over the API; access is then not what counts
}

// peer is the process at the other end of a unix socket when the connection was made.
type peer struct {
	uid    int
	groups []int
}

type peerKey struct{}

// ConnContext records the peer of a unix socket connection in its context. It belongs into
// http.Server.ConnContext; [API.NewServer] does that.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return ctx
	}
	who, err := peerOf(unix)
	if err != nil {
		return ctx // no credentials: the request is unauthenticated
	}
	return context.WithValue(ctx, peerKey{}, who)
}

// identify returns who sent r, or an unauthenticated or forbidden fault.
func (g Grants) identify(r *http.Request, tokens Tokens) (identity, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		token, ok := strings.CutPrefix(header, "Bearer ")
		if !ok {
			return identity{}, fault.New(fault.Unauthenticated, "The access token is not valid.").
				WithHint("Send the header Authorization: Bearer TOKEN.")
		}
		if g.bears(token) {
			return identity{access: Admin, actor: "token", act: true}, nil
		}
		bearer, err := tokens.Bearer(r.Context(), token)
		return identity{access: bearer.level(), actor: bearer.Actor, act: bearer.Act, bearer: &bearer}, err
	}
	who, ok := r.Context().Value(peerKey{}).(peer)
	if !ok {
		return identity{}, fault.New(fault.Unauthenticated, "This address needs an access token.").
			WithHint("Send it as a bearer token, or use the agent's unix socket.")
	}
	access := g.of(who)
	if access < Open {
		return identity{}, fault.New(fault.Forbidden, "The local user %d may not use the agent.", who.uid).
			WithHint("Run the command as root, or list the user or one of its groups in the agent's config.")
	}
	return identity{access: access, actor: "local:" + strconv.Itoa(who.uid), act: access >= Admin}, nil
}

// of returns the highest access of a local user; 0 is none.
func (g Grants) of(who peer) Access {
	if who.uid == 0 || who.uid == os.Geteuid() {
		return Admin
	}
	highest := g.UIDs[who.uid]
	for _, gid := range who.groups {
		highest = max(highest, g.GIDs[gid])
	}
	return highest
}

// bears compares in a time that depends on neither token.
func (g Grants) bears(token string) bool {
	want, got := sha256.Sum256([]byte(g.Token)), sha256.Sum256([]byte(token))
	return g.Token != "" && subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// actorOf returns on whose behalf r acts: the header of a trusted client, or the identity itself.
func actorOf(r *http.Request, who identity) (string, error) {
	values := r.Header.Values(api.ActorHeader)
	if len(values) == 0 {
		return who.actor, nil
	}
	if !who.act {
		return "", fault.New(fault.Forbidden, "%s may not act for somebody else.", who.actor).
			WithHint("Leave the header %s out, or use a token that was made with act.", api.ActorHeader)
	}
	if len(values) > 1 || !validActor(values[0]) {
		return "", fault.New(fault.Invalid, "The header %s names no actor.", api.ActorHeader).
			WithHint("Use 1 to 100 letters, digits and . _ @ : + -, beginning with a letter or digit.").WithField(api.ActorHeader)
	}
	return values[0], nil
}

// validActor keeps control characters, blanks and reserved names out of jobs, events and logs.
func validActor(s string) bool {
	if s == "" || len(s) > 100 || slices.Contains([]string{"system", "agent", "token"}, s) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !plain && (i == 0 || !strings.ContainsRune("._@:+-", rune(c))) {
			return false
		}
	}
	return true
}
