package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/sdk"
)

// unit is a plugin that something else starts when the agent connects to its socket: systemd, or a
// developer. The connection is its standard input and output, so closing it ends the plugin.
type unit struct {
	*link
	launch Launch
	allow  []uint32 // who may be at the other end

	mu     sync.Mutex
	conn   *net.UnixConn
	doomed bool // killed before it was connected
}

func newUnit(l Launch, allow []uint32, log *sink) process {
	return &unit{link: newLink(log), launch: l, allow: allow}
}

// resolvePeers works out who may answer at the plugin's socket. The agent hands a builder its secrets, so
// nobody else may take the place of the plugin.
func resolvePeers(l Launch, agentUID int) ([]uint32, *problem) {
	allow := []uint32{0}
	if l.Mode == ModeAttach {
		allow = append(allow, uint32(agentUID))
	}
	if l.User != "" {
		uid, err := lookupUser(l.User)
		if err != nil {
			return nil, lasting(fault.Precondition, "should run as user %q, who does not exist.", l.User).
				withHint("Create the user, or correct \"user\" in its launch block.")
		}
		allow = append(allow, uid)
	}
	return allow, nil
}

func (u *unit) prepare(environ []string, socketDir string) error {
	u.environ, u.socketDir = environ, socketDir
	return nil
}

// Start implements runner.Runner.
func (u *unit) Start(ctx context.Context) error {
	err := u.connect(ctx)
	if err != nil {
		u.finish("was not reached")
		return err
	}
	go func() {
		u.read(u.conn)
		_ = u.conn.Close() // the other side has closed, or kill has
		u.finish("ended, or closed the connection")
	}()
	return nil
}

func (u *unit) connect(ctx context.Context) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", u.launch.Socket)
	if err != nil {
		u.fail(u.unreached(err))
		return err
	}
	u.mu.Lock()
	u.conn = conn.(*net.UnixConn) // the network "unix" gives no other
	doomed := u.doomed
	u.mu.Unlock()
	if doomed {
		_ = conn.Close() // nothing was sent
		return context.Canceled
	}
	if err := u.greet(); err != nil {
		_ = conn.Close() // the error says more
		return err
	}
	return nil
}

// greet checks who is there before it says anything.
func (u *unit) greet() error {
	uid, err := peerUID(u.conn)
	if err != nil {
		return fmt.Errorf("ask who is at the other end: %w", err)
	}
	allowed := false
	for _, candidate := range u.allow {
		allowed = allowed || candidate == uid
	}
	if !allowed {
		p := lasting(fault.Forbidden, "is not used: user %d answers at its socket %s, who is neither root nor the configured user.", uid, u.launch.Socket).
			withHint("Find out who that is; if it is right, set \"user\" in its launch block.")
		u.fail(p)
		return errors.New(p.what)
	}
	if err := u.conn.SetWriteDeadline(time.Now().Add(launchTimeout)); err != nil {
		return err
	}
	_, err = u.conn.Write(sdk.FormatLaunch(u.environ))
	return err
}

// launchTimeout bounds the writing of the launch line.
const launchTimeout = 2 * time.Second

func (u *unit) unreached(err error) *problem {
	p := passing(err, "cannot be reached at %s: %s.", u.launch.Socket, dialReason(err)).
		withHint("Check that its systemd socket unit is started: systemctl list-sockets")
	p.unreached = true
	if errors.Is(err, syscall.EACCES) {
		p.hint = "Check that the agent's user is in the group of the socket."
	}
	return p
}

func dialReason(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}

// Kill implements runner.Runner: it ends the plugin's input, and the connection soon after.
func (u *unit) Kill(context.Context) error {
	u.mu.Lock()
	conn := u.conn
	u.mu.Unlock()
	if conn == nil {
		return nil
	}
	u.ask()
	_ = conn.CloseWrite() // closed already is fine
	timer := time.NewTimer(unitGrace)
	defer timer.Stop()
	select {
	case <-u.ended:
	case <-timer.C:
		u.kill()
	}
	return nil
}

// unitGrace is the time from the end of the input to the end of the connection.
const unitGrace = 500 * time.Millisecond

func (u *unit) kill() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.conn == nil {
		u.doomed = true
		return
	}
	u.ask()
	_ = u.conn.Close() // closed already is fine
}

func (u *unit) pid() int { return 0 }

// ID and Name implement runner.Runner.
func (u *unit) ID() string   { return u.launch.Socket }
func (u *unit) Name() string { return u.launch.Socket }
