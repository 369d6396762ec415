// Package webhook sends what happened to web addresses that people gave.
//
// Those addresses are not to be trusted: without care a person with an account could make the agent talk to
// programs on this host or in its network. So only https is spoken, the address is looked at when it is dialed,
// after the name was resolved, redirects are not followed, and nothing of the answer is shown but its status.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
)

// within bounds one request, attempts how often it is tried while the other side has trouble.
const (
	within   = 10 * time.Second
	attempts = 3
)

// Message is what is sent.
type Message struct {
	Host    string    `json:"host"`
	Time    time.Time `json:"time"`
	Cause   string    `json:"cause,omitempty"`
	Server  string    `json:"server,omitempty"`
	Map     string    `json:"map,omitempty"`
	Players int       `json:"players"`
	Text    string    `json:"text"`
}

// Formats of a request body.
const (
	FormatJSON    = "json"    // a Message
	FormatDiscord = "discord" // what a Discord webhook takes
)

// Sender sends messages. It is safe for concurrent use.
type Sender struct {
	client  *http.Client
	private bool
	pause   time.Duration
}

// New returns a Sender. With private it also speaks to addresses that are not public, and plain http to them.
func New(private bool) *Sender {
	s := &Sender{private: private, pause: 2 * time.Second}
	dialer := &net.Dialer{Timeout: within, Control: s.control}
	s.client = &http.Client{
		Timeout:       within,
		Transport:     &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10, Proxy: nil},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s
}

// errPrivate says that an address is not public.
var errPrivate = errors.New("the address is not public")

// control refuses a connection after the name was resolved, so that no name can lead inside.
func (s *Sender) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if !s.private && !public(at.Addr()) {
		return errPrivate
	}
	return nil
}

// special are ranges that look public to the standard library and are not: IANA's special-purpose registries
// (RFC 6890 and its successors), and the ways to wrap an IPv4 address in IPv6.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fec0::/10"),
}

func public(address netip.Addr) bool {
	address = address.Unmap()
	if !address.IsGlobalUnicast() || address.IsPrivate() || address.IsLoopback() || address.IsLinkLocalUnicast() {
		return false
	}
	for _, prefix := range special {
		if prefix.Contains(address) {
			return false
		}
	}
	return true
}

// Check refuses an address that Send would never speak to. It does not resolve names.
func (s *Sender) Check(address, format string) error {
	at, err := url.Parse(address)
	switch {
	case err != nil || at.Host == "" || at.User != nil:
		return fault.New(fault.Invalid, "The url is no web address.").WithField("url").WithHint("For example https://discord.com/api/webhooks/….")
	case at.Scheme != "https" && (at.Scheme != "http" || !s.private):
		return fault.New(fault.Invalid, "A webhook must begin with https://.").WithField("url")
	case format != "" && format != FormatJSON && format != FormatDiscord:
		return fault.New(fault.Invalid, "format is %q; it can be json or discord.", format).WithField("format")
	}
	if literal, err := netip.ParseAddr(at.Hostname()); err == nil && !s.private && !public(literal) {
		return notPublic()
	}
	return nil
}

func notPublic() *fault.Error {
	return fault.New(fault.Invalid, "A webhook must lead to a public address.").WithField("url").
		WithHint("The operator can allow others with: webhooks { private = true }")
}

// Send posts m. Unavailable: the other side cannot be reached, has trouble or refuses; it was tried again where that
// can help. The address is never part of an error.
func (s *Sender) Send(ctx context.Context, address, format string, m Message) error {
	if err := s.Check(address, format); err != nil {
		return err
	}
	body, err := m.body(format)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		again, err := s.post(ctx, address, body)
		if err == nil || !again || n == attempts {
			return err
		}
		select {
		case <-time.After(s.pause << (n - 1)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *Sender) post(ctx context.Context, address string, body []byte) (again bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return false, fault.New(fault.Invalid, "The url is no web address.").WithField("url")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "left4me")
	response, err := s.client.Do(request)
	if err != nil {
		if errors.Is(err, errPrivate) {
			return false, notPublic()
		}
		return true, fault.New(fault.Unavailable, "The webhook's address cannot be reached: %v.", withoutURL(err))
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10)
	switch {
	case response.StatusCode < 300:
		return false, nil
	case response.StatusCode == http.StatusTooManyRequests || response.StatusCode >= 500:
		return true, fault.New(fault.Unavailable, "The webhook's receiver has trouble: %s.", response.Status)
	}
	return false, fault.New(fault.Precondition, "The webhook's receiver refuses: %s.", response.Status).
		WithHint("Check the address; the receiver may have forgotten it.")
}

// withoutURL takes the address, a secret, out of an error of net/http.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// discordText is the longest content Discord takes, in characters.
const discordText = 2000

func (m Message) body(format string) ([]byte, error) {
	if format != FormatDiscord {
		return json.Marshal(m)
	}
	text := fmt.Sprintf("**%s** %s", m.Host, m.Text)
	if m.Server != "" {
		text = fmt.Sprintf("**%s** on %s: %s", m.Server, m.Host, m.Text)
	}
	if runes := []rune(text); len(runes) > discordText {
		text = string(runes[:discordText])
	}
	// Names of players must not ping anybody.
	return json.Marshal(map[string]any{"content": text, "allowed_mentions": map[string]any{"parse": []string{}}})
}
