package systemd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"

	"github.com/godbus/dbus/v5"
)

// tracker follows a unit by its signals. A unit that ended is unloaded at once, and what is read of it afterwards is
// made up, so only what came before counts.
type tracker struct {
	unit    string
	path    dbus.ObjectPath
	started chan string   // the result of the job that starts the unit
	ended   chan struct{} // no process of the unit is left

	mu         sync.Mutex
	job        dbus.ObjectPath
	up         bool                       // the unit was seen active: a state before that is not its end
	early      map[dbus.ObjectPath]string // results that came before the answer with the job's name
	result     string                     // systemd's word for how it ended: "success", "oom-kill", "signal", …
	mainCode   int32                      // CLD_EXITED and so on, wait(2)
	mainStatus int32
}

func newTracker(unit string, path dbus.ObjectPath) *tracker {
	return &tracker{unit: unit, path: path, started: make(chan string, 1), ended: make(chan struct{}), early: map[dbus.ObjectPath]string{}}
}

// follow reads signals until the unit ended or the connection did.
func (t *tracker) follow(signals <-chan *dbus.Signal) {
	defer close(t.ended)
	for signal := range signals {
		switch {
		case signal.Name == managerInterface+".JobRemoved" && len(signal.Body) == 4:
			job, _ := signal.Body[1].(dbus.ObjectPath)
			result, _ := signal.Body[3].(string)
			t.jobRemoved(job, result)
		case signal.Name == managerInterface+".UnitRemoved" && len(signal.Body) == 2 && signal.Body[0] == t.unit:
			if t.wasUp() { // systemd also forgets a unit that was only looked at
				return
			}
		case signal.Path == t.path && len(signal.Body) >= 2:
			changed, _ := signal.Body[1].(map[string]dbus.Variant)
			if t.changed(changed) {
				return
			}
		}
	}
}

func (t *tracker) wasUp() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.up
}

func (t *tracker) jobRemoved(job dbus.ObjectPath, result string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.job == "" {
		t.early[job] = result
		return
	}
	if job == t.job {
		t.begun(result)
	}
}

// starts tells which job to wait for.
func (t *tracker) starts(job dbus.ObjectPath) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.job = job
	if result, ok := t.early[job]; ok {
		t.begun(result)
	}
}

// begun takes the result of the job that starts the unit.
func (t *tracker) begun(result string) {
	t.up = t.up || result == "done"
	t.job = "/"
	t.started <- result
}

// changed says whether the unit is down.
func (t *tracker) changed(properties map[string]dbus.Variant) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, to := range map[string]any{"Result": &t.result, "ExecMainCode": &t.mainCode, "ExecMainStatus": &t.mainStatus} {
		if value, ok := properties[name]; ok {
			_ = value.Store(to) // another type leaves it as it was
		}
	}
	state, ok := properties["ActiveState"].Value().(string)
	down := state == "inactive" || state == "failed"
	t.up = t.up || ok && !down
	return t.up && down
}

func (t *tracker) startWithin(ctx context.Context, b *bus) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	return t.start(ctx, b)
}

// start starts the unit and returns when its program runs.
func (t *tracker) start(ctx context.Context, b *bus) error {
	if err := b.clear(ctx, t.unit); err != nil {
		return err
	}
	if err := b.watch(ctx, t.path); err != nil {
		return err
	}
	go t.follow(b.signals)
	job, err := b.start(ctx, t.unit)
	if err != nil {
		return err
	}
	t.starts(job)
	select {
	case result := <-t.started:
		return t.verdict(result)
	case <-t.ended: // one that fails at once is down before its job is over
		select {
		case result := <-t.started:
			return t.verdict(result)
		default:
			return t.verdict("failed")
		}
	case <-ctx.Done():
		return fmt.Errorf("wait for the start of %s: %w", t.unit, ctx.Err())
	}
}

// verdict of the job that starts the unit.
func (t *tracker) verdict(result string) error {
	if result == "done" {
		return nil
	}
	return fmt.Errorf("systemd could not start %s (job %s, %s): look at its journal", t.unit, result, t.describe())
}

// wait returns when no process of the unit is left.
func (t *tracker) wait(ctx context.Context, b *bus) error {
	select {
	case <-t.ended:
		return b.connection.Context().Err()
	case <-ctx.Done():
		return fmt.Errorf("wait for the end of %s: %w", t.unit, ctx.Err())
	}
}

func (t *tracker) describe() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("result %q, main process %d/%d", t.result, t.mainCode, t.mainStatus)
}

// killedForMemory says whether systemd saw the kernel kill a process of the unit for memory.
func (t *tracker) killedForMemory() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.result == "oom-kill"
}

// signal is what ended the program of the unit, or 0.
func (t *tracker) signal() syscall.Signal {
	t.mu.Lock()
	defer t.mu.Unlock()
	const killed, dumped = 2, 3 // CLD_KILLED and CLD_DUMPED, siginfo.h
	if t.mainCode == killed || t.mainCode == dumped {
		return syscall.Signal(t.mainStatus)
	}
	return 0
}

var errNoReport = errors.New("the program in the sandbox ended without a report")
