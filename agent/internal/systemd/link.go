package systemd

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"

	"github.com/left4me/left4me/agent/internal/fault"
)

const (
	busName        = "org.freedesktop.systemd1"
	signalsWaiting = 256
	// reconnectAfter is the first pause after the bus went away; it doubles up to reconnectMost.
	reconnectAfter = 100 * time.Millisecond
	reconnectMost  = 10 * time.Second
	// callWithin bounds one call of systemd, and linkWithin how long one waits for the bus to come back.
	callWithin = 30 * time.Second
	linkWithin = 10 * time.Second
)

// link is one connection with systemd: one for calls and one for signals.
type link struct {
	conn    *dbus.Conn
	signals chan *godbus.Signal
	lost    context.Context // ends with either connection
	close   func()
}

// connect makes a link that gets the signals of units.
func (s *Supervisor) connect(ctx context.Context) (*link, error) {
	lost, cut := context.WithCancel(context.Background())
	var made []*godbus.Conn
	dial := func() (*godbus.Conn, error) {
		c, err := godbus.ConnectSystemBus(godbus.WithSignalHandler(godbus.NewSequentialSignalHandler()))
		if err != nil {
			return nil, err
		}
		context.AfterFunc(c.Context(), cut)
		made = append(made, c)
		return c, nil
	}
	conn, err := dbus.NewConnection(dial)
	if err != nil {
		cut()
		return nil, notHere(err)
	}
	l := &link{conn: conn, signals: make(chan *godbus.Signal, signalsWaiting), lost: lost, close: func() { cut(); conn.Close() }}
	made[1].Signal(l.signals) // the one that NewConnection makes for signals
	err = made[1].AddMatchSignalContext(ctx, godbus.WithMatchInterface("org.freedesktop.DBus"),
		godbus.WithMatchMember("NameOwnerChanged"), godbus.WithMatchArg(0, busName))
	if err == nil {
		err = conn.Subscribe()
	}
	if err != nil {
		l.close()
		return nil, notHere(err)
	}
	return l, nil
}

// follow keeps what is known current until the supervisor is closed.
func (s *Supervisor) follow(l *link) {
	for {
		s.setLink(l)
		s.listen(l)
		s.setLink(nil)
		l.close()
		if s.life.Err() != nil {
			return
		}
		s.opts.Log.Warn("lost the connection with systemd; games go on")
		if l = s.reconnect(); l == nil {
			return
		}
		s.opts.Log.Info("connected with systemd again")
	}
}

func (s *Supervisor) reconnect() *link {
	for pause := reconnectAfter; ; pause = min(2*pause, reconnectMost) {
		select {
		case <-s.life.Done():
			return nil
		case <-time.After(pause):
		}
		l, err := s.connect(s.life)
		if err != nil {
			continue
		}
		if err := s.resync(s.life, l); err == nil {
			return l
		}
		l.close()
	}
}

// listen takes signals until the link is lost or the supervisor is closed.
func (s *Supervisor) listen(l *link) {
	for {
		select {
		case <-s.life.Done():
			return
		case <-l.lost.Done():
			return
		case signal := <-l.signals:
			if signal == nil {
				return
			}
			if !s.take(l, signal) {
				return
			}
		}
	}
}

// take looks at one signal. It returns false when the link must be made anew.
func (s *Supervisor) take(l *link, signal *godbus.Signal) bool {
	switch signal.Name {
	case "org.freedesktop.DBus.Properties.PropertiesChanged":
		if serverID, ok := objectServer(signal.Path); ok && len(signal.Body) >= 2 {
			if changed, ok := signal.Body[1].(map[string]godbus.Variant); ok {
				s.changed(s.unit(serverID), changed)
			}
		}
	case "org.freedesktop.DBus.NameOwnerChanged":
		// systemd executed itself anew; it may have missed telling us something.
		if owner, ok := body[string](signal, 2); ok && owner != "" {
			_ = l.conn.Subscribe() // who is subscribed already gets an error
			if err := s.resync(s.life, l); err != nil {
				return false
			}
		}
	}
	return true
}

func body[T any](signal *godbus.Signal, i int) (value T, ok bool) {
	if i >= len(signal.Body) {
		return value, false
	}
	value, ok = signal.Body[i].(T)
	return value, ok
}

func (s *Supervisor) setLink(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l != nil {
		s.link = l
		close(s.up)
		return
	}
	if s.link != nil {
		s.link, s.up = nil, make(chan struct{})
	}
}

// linked returns the present link, or waits a little for one.
func (s *Supervisor) linked(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, linkWithin,
		fault.New(fault.Unavailable, "systemd does not answer on D-Bus.").WithSource("systemd").WithHint("Check dbus.service, then try again."))
	defer cancel()
	for {
		s.mu.Lock()
		l, up := s.link, s.up
		s.mu.Unlock()
		if l != nil {
			return l, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-s.life.Done():
			return nil, fault.New(fault.Unavailable, "The agent is shutting down.").WithHint("Try again in a moment.")
		case <-up:
		}
	}
}
