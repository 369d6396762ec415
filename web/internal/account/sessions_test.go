package account_test

import (
	"testing"
	"time"
)

func TestSessions(t *testing.T) {
	s := open(t, t.TempDir()).Sessions()
	ctx := t.Context()
	find := func(token, want string) {
		t.Helper()
		data, found, err := s.FindCtx(ctx, token)
		if err != nil || string(data) != want || found != (want != "") {
			t.Errorf("session %s: %q, %v, %v; want %q", token, data, found, err, want)
		}
	}
	commit := func(token, data string, expiry time.Duration) {
		t.Helper()
		if err := s.CommitCtx(ctx, token, []byte(data), time.Now().Add(expiry)); err != nil {
			t.Fatal(err)
		}
	}
	find("a", "")
	commit("a", "one", time.Hour)
	find("a", "one")
	commit("a", "two", time.Hour)
	find("a", "two")
	commit("old", "data", -time.Minute)
	find("old", "")
	if err := s.DeleteCtx(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	find("a", "")
	commit("a", "written by a request that began before", time.Hour)
	find("a", "")
	commit("b", "other", time.Hour)
	if err := s.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	find("b", "other")
}
