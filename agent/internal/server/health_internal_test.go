package server

import (
	"strings"
	"testing"
	"time"
)

// patient is a tracker with a clock of the test's own, and one game that answered at second 0.
func patient(t *testing.T) (*tracker, func(seconds int)) {
	t.Helper()
	begin := time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)
	now := begin
	tr := newTracker(func() time.Time { return now })
	tr.report(UnitStatus{Server: "s", State: UnitActive, PID: 7})
	tr.answered("s", Live{Map: "c1m1_hotel"})
	return tr, func(seconds int) { now = begin.Add(time.Duration(seconds) * time.Second) }
}

func TestSilentGameHangsWithinHalfAMinute(t *testing.T) {
	tr, at := patient(t)
	at(11)
	if tr.suspicious("s") || tr.judge("s") != "" {
		t.Error("eleven seconds are not long enough to suspect anything")
	}
	at(13)
	if !tr.suspicious("s") {
		t.Error("thirteen seconds without an answer must lead to a command")
	}
	if reason := tr.judge("s"); !strings.Contains(reason, "20:00:00") || !strings.Contains(reason, "prints nothing") {
		t.Errorf("reason = %q", reason)
	}
	if state, reason := tr.state(Server{ID: "s"}); state != Hung || reason == "" {
		t.Errorf("state = %s (%s)", state, reason)
	}
	if again := tr.judge("s"); again != "" {
		t.Errorf("told twice: %q", again)
	}
	if !tr.answered("s", Live{}) {
		t.Error("an answer must end it and say so")
	}
	if state, reason := tr.state(Server{ID: "s"}); state != Running || reason != "" {
		t.Errorf("state = %s (%s)", state, reason)
	}
}

func TestGameThatObeysIsNotHung(t *testing.T) {
	tr, at := patient(t)
	at(13)
	if tr.obeyed("s") {
		t.Error("it was not hung before")
	}
	if reason := tr.judge("s"); reason != "" {
		t.Errorf("hung although it takes commands: %q", reason)
	}
	if state, note := tr.state(Server{ID: "s"}); state != Running || !strings.Contains(note, "no queries") {
		t.Errorf("state = %s (%s)", state, note)
	}
}

func TestMapChangeIsNoHang(t *testing.T) {
	tr, at := patient(t)
	tr.loading("s", true)
	for _, second := range []int{15, 60, 115} {
		at(second)
		if tr.suspicious("s") || tr.judge("s") != "" {
			t.Errorf("second %d: a map change takes time", second)
		}
	}
	at(121)
	if tr.judge("s") == "" {
		t.Error("a map change that never ends is a hang")
	}
}

func TestHangRightAfterAMapChangeIsSeen(t *testing.T) {
	tr, at := patient(t)
	tr.loading("s", true)
	at(20)
	tr.loading("s", false) // the map began
	at(25)
	if tr.judge("s") != "" {
		t.Error("it printed just now")
	}
	at(31)
	if tr.judge("s") == "" {
		t.Error("the map began, then nothing came")
	}
}

func TestGameThatOnlyPrintsGetsAMinute(t *testing.T) {
	tr, at := patient(t)
	for second := range 59 {
		at(second)
		tr.printed("s")
		if reason := tr.judge("s"); reason != "" {
			t.Fatalf("second %d: %q", second, reason)
		}
	}
	at(61)
	tr.printed("s")
	if reason := tr.judge("s"); !strings.Contains(reason, "prints, but") {
		t.Errorf("reason = %q", reason)
	}
}

func TestNewProcessStartsWithACleanSheet(t *testing.T) {
	tr, at := patient(t)
	at(40)
	if tr.judge("s") == "" {
		t.Fatal("not hung")
	}
	tr.report(UnitStatus{Server: "s", State: UnitActive, PID: 8})
	if state, _ := tr.state(Server{ID: "s"}); state != Starting {
		t.Errorf("state = %s", state)
	}
	at(500)
	if tr.judge("s") != "" {
		t.Error("a game that never answered is starting, not hung")
	}
}
