package query

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
)

// Failures of an RCON conversation.
var (
	// ErrRefused says that the server refused the password. It sticks until SetPassword: every further
	// attempt brings the caller nearer to a permanent ban.
	ErrRefused = errors.New("rcon password refused")
	// ErrTurnedAway says that the server closed the connection before it answered the password: RCON is
	// off, or this address is banned.
	ErrTurnedAway = errors.New("rcon connection closed before the password was answered")
	// ErrLost says that the connection ended before the answer: the command may have run or not.
	ErrLost = errors.New("rcon connection lost before the answer")
	// ErrAnswerTooLong says that an answer passed MaxAnswer.
	ErrAnswerTooLong = errors.New("rcon answer too long")
	// ErrClosed says that the client was closed.
	ErrClosed = errors.New("rcon client closed")
)

// MaxAnswer bounds a joined answer in bytes. A full cvarlist has about 300 KiB.
const MaxAnswer = 4 << 20

// DialFunc opens a stream connection to the game's port.
type DialFunc func(ctx context.Context) (net.Conn, error)

// RCON is a client of one server. It connects at the first command and again after a lost connection, runs
// commands strictly one after another, and is safe for concurrent use. It never repeats a password that
// was refused.
type RCON struct {
	dial DialFunc
	turn chan struct{} // holds one token; its holder owns link and nextID

	link   *rconLink
	nextID int32

	mu       sync.Mutex
	password string
	refused  bool
	closed   bool
}

// NewRCON returns a client that connects with dial. It keeps no connection before the first command.
func NewRCON(dial DialFunc, password string) *RCON {
	c := &RCON{dial: dial, password: password, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

// DialTCP returns a DialFunc for address ("host:port").
func DialTCP(address string) DialFunc {
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", address)
	}
}

// SetPassword changes the password of later connections and lifts a refusal.
func (c *RCON) SetPassword(password string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if password != c.password {
		c.password, c.refused = password, false
	}
}

// Close ends the connection, after the command that is under way.
func (c *RCON) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	<-c.turn
	c.drop()
	c.turn <- struct{}{}
	return nil
}

// Command runs line at most once and returns everything it printed, as valid UTF-8. Give ctx a deadline:
// a hung server never answers. After ErrLost the caller cannot know whether it ran.
func (c *RCON) Command(ctx context.Context, line string) (string, error) {
	if err := checkCommand(line); err != nil {
		return "", err
	}
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-c.turn:
	}
	defer func() { c.turn <- struct{}{} }()
	if err := c.connect(ctx); err != nil {
		return "", err
	}
	text, err := c.link.run(ctx, c.nextID, line)
	c.nextID += 2
	if err != nil {
		c.drop()
		return "", err
	}
	return text, nil
}

// Query is Command for a line that only reads, such as "status": it is sent once more over a new
// connection when the old one was lost, which the server does to every client when its password is written
// again.
func (c *RCON) Query(ctx context.Context, line string) (string, error) {
	text, err := c.Command(ctx, line)
	if errors.Is(err, ErrLost) {
		return c.Command(ctx, line)
	}
	return text, err
}

// connect makes sure that link is an authenticated connection that is not known to be closed.
func (c *RCON) connect(ctx context.Context) error {
	c.mu.Lock()
	password, refused, closed := c.password, c.refused, c.closed
	c.mu.Unlock()
	switch {
	case closed:
		return ErrClosed
	case refused:
		return ErrRefused
	case c.link != nil && c.link.password == password && c.link.alive():
		return nil
	}
	c.drop()
	conn, err := c.dial(ctx)
	if err != nil {
		return fmt.Errorf("connect to rcon: %w", err)
	}
	c.link, c.nextID = newRCONLink(conn, password), 2
	if err := c.link.authenticate(ctx); err != nil {
		c.drop()
		if errors.Is(err, ErrRefused) {
			c.refuse(password)
		}
		return err
	}
	return nil
}

// refuse notes that password was refused, unless another one was set meanwhile.
func (c *RCON) refuse(password string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.password == password {
		c.refused = true
	}
}

func (c *RCON) drop() {
	if c.link != nil {
		c.link.close()
		c.link = nil
	}
}
