package systemd

import (
	"context"
	"fmt"
	"time"

	godbus "github.com/godbus/dbus/v5"

	"github.com/left4me/left4me/agent/internal/server"
)

// apply copies what a set of properties says, of either interface.
func (s seen) apply(changed map[string]godbus.Variant) seen {
	into(changed, "ActiveState", &s.active)
	into(changed, "MainPID", &s.pid)
	into(changed, "Result", &s.result)
	into(changed, "ExecMainCode", &s.code)
	into(changed, "ExecMainStatus", &s.status)
	into(changed, "ExecMainStartTimestampMonotonic", &s.started)
	into(changed, "ExecMainStartTimestamp", &s.began)
	into(changed, "ExecMainExitTimestamp", &s.ended)
	var job []any // (id, path)
	if into(changed, "Job", &job); len(job) == 2 {
		s.job, _ = job[0].(uint32)
	}
	return s
}

func into[T any](properties map[string]godbus.Variant, name string, to *T) {
	if value, ok := properties[name].Value().(T); ok {
		*to = value
	}
}

// moment is a D-Bus time; zero for none.
func moment(microseconds uint64) time.Time {
	if microseconds == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(microseconds)).UTC()
}

// changed takes news about a unit.
func (s *Supervisor) changed(u *unit, properties map[string]godbus.Variant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observe(u, u.seen.apply(properties))
}

// observe compares a unit with what was known. The caller holds mu.
//
// systemd joins changes that come fast, so any step may be missing: a game that ends at once may never have been
// seen active. What names a run is the time at which its process was made.
func (s *Supervisor) observe(u *unit, now seen) {
	u.seen = now
	fresh := now.started != 0 && now.started != u.failed && (now.started != u.record.Started || u.record.Boot != s.boot)
	switch now.active {
	case "active", "reloading", "refreshing", "deactivating":
		// While a start is under way only systemd's answer tells an end from a program that could not be executed.
		if fresh && (!u.starting || now.active != "deactivating") {
			s.begin(u)
		}
		if u.gone == nil {
			return
		}
		if now.active == "deactivating" && now.job != 0 {
			u.record.Asked = true // somebody else asked systemd, for instance with systemctl stop
		}
		if now.active == "deactivating" && !u.record.Asked && !u.stray {
			u.stray = true
			gone := u.gone
			s.work.Go(func() { s.killAfter(u, gone, strayGrace) })
		}
		s.set(u, s.running(u))
	case "inactive", "failed":
		if fresh && !u.starting {
			s.begin(u)
		}
		if u.gone != nil {
			s.end(u, now.exit(), moment(now.ended))
		}
	}
}

func (s *Supervisor) running(u *unit) server.UnitStatus {
	st := server.UnitStatus{Server: u.id, State: server.UnitActive, PID: int(u.seen.pid), StartedAt: u.record.StartedAt}
	if u.record.Asked {
		st.State = server.UnitStopping
	}
	return st
}

// begin notes a run that was not known. The caller holds mu.
func (s *Supervisor) begin(u *unit) {
	u.record = record{Boot: s.boot, Started: u.seen.started, StartedAt: moment(u.seen.began)}
	u.gone, u.stray = make(chan struct{}), false
	s.save(u)
	if u.begun != nil {
		close(u.begun)
		u.begun = nil
	}
	s.set(u, s.running(u))
}

// end notes how a run ended. The caller holds mu.
func (s *Supervisor) end(u *unit, exit server.Exit, at time.Time) {
	if at.IsZero() {
		at = time.Now()
	}
	exit.Asked = u.record.Asked
	u.record.Ended, u.record.EndedAt, u.record.Exit = true, at, exit
	s.save(u)
	close(u.gone)
	u.gone = nil
	s.set(u, u.record.status(u.id, s.boot))
}

// save keeps the record. A full disk must not stop anything: what is lost is how the unit ended, if nobody watches
// when it does.
func (s *Supervisor) save(u *unit) {
	if err := writeRecord(s.recordsDir(), u.id, u.record); err != nil {
		s.opts.Log.Error("what is known about a unit cannot be written", "server", u.id, "error", err)
	}
}

// resync looks at every unit anew.
func (s *Supervisor) resync(ctx context.Context, l *link) error {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	listed, err := l.conn.ListUnitsByPatternsContext(ctx, nil, []string{unitGlob})
	if err != nil {
		return fmt.Errorf("list units: %w", err)
	}
	loaded := map[string]bool{}
	for _, unit := range listed {
		serverID, ok := serverOf(unit.Name)
		if !ok {
			continue
		}
		properties, err := look(ctx, l, unit.Name)
		if err != nil {
			return err
		}
		loaded[serverID] = true
		u := s.unit(serverID)
		s.mu.Lock()
		s.adopt(u, seen{}.apply(properties))
		s.mu.Unlock()
	}
	for _, u := range s.open() {
		if !loaded[u.id] {
			s.settle(ctx, u)
		}
	}
	return nil
}

// adopt takes a unit as it is found. What the record says about this very run still holds. The caller holds mu.
func (s *Supervisor) adopt(u *unit, now seen) {
	if now.started == u.record.Started && u.record.Boot == s.boot && !u.record.Ended && u.gone == nil && now.started != 0 {
		u.gone = make(chan struct{})
	}
	s.observe(u, now)
}

// look reads all properties that matter.
func look(ctx context.Context, l *link, name string) (map[string]godbus.Variant, error) {
	out := map[string]godbus.Variant{}
	for _, read := range []func() (map[string]any, error){
		func() (map[string]any, error) { return l.conn.GetUnitPropertiesContext(ctx, name) },
		func() (map[string]any, error) { return l.conn.GetUnitTypePropertiesContext(ctx, name, "Service") },
	} {
		properties, err := read()
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", name, err)
		}
		for key, value := range properties {
			out[key] = godbus.MakeVariant(value)
		}
	}
	return out, nil
}

// open returns the units that are believed to run in this boot.
func (s *Supervisor) open() []*unit {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*unit
	for _, u := range s.units {
		if u.gone != nil || u.record.Started != 0 && u.record.Boot == s.boot && !u.record.Ended {
			out = append(out, u)
		}
	}
	return out
}

// settle notes the end of a unit that ended while nobody watched and that systemd has forgotten. The journal still
// knows how.
func (s *Supervisor) settle(ctx context.Context, u *unit) {
	s.mu.Lock()
	since := u.record.StartedAt
	s.mu.Unlock()
	exit, at, err := s.consoles.journal.lastEnd(ctx, u.id, since)
	if err != nil {
		s.opts.Log.Warn("the journal does not say how a unit ended", "server", u.id, "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.gone == nil {
		u.gone = make(chan struct{})
	}
	s.end(u, exit, at)
}
