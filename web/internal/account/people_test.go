package account_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/left4me/left4me/web/internal/account"
)

const secretWord = "correct horse"

func newAccount(t *testing.T, s *account.Store, name, role string) account.Account {
	t.Helper()
	a, err := s.Create(t.Context(), name, secretWord, role)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{"ada": true, "Ada.L+1@example.org": true, "0": true, "": false, "system": false, "token": false, "local": false,
		"agent": false, "a:b": false, "-a": false, "a b": false, "Zoë": false, "<b>": false, "a/b": false, "..": false, "a\x00": false, strings.Repeat("a", 65): false} {
		if account.ValidName(name) != want {
			t.Errorf("%q: want %v", name, want)
		}
	}
}

func TestSomebodyMustStayToLookAfterThePanel(t *testing.T) {
	s, ctx := open(t, t.TempDir()), t.Context()
	ada, bob := newAccount(t, s, "ada", account.RoleAdmin), newAccount(t, s, "bob", account.RoleUser)
	for name, change := range map[string]func() error{
		"role":    func() error { return s.SetRole(ctx, ada.ID, account.RoleUser, account.NoLimits()) },
		"disable": func() error { return s.SetDisabled(ctx, ada.ID, true) },
		"delete":  func() error { return s.Delete(ctx, ada.ID) },
	} {
		if err := change(); !errors.Is(err, account.ErrLastAdmin) {
			t.Errorf("%s: %v", name, err)
		}
		if now, err := s.Get(ctx, ada.ID); err != nil || !now.Admin() || now.DisabledAt != nil {
			t.Errorf("%s changed the account all the same: %+v, %v", name, now, err)
		}
	}
	if err := s.SetRole(ctx, bob.ID, account.RoleAdmin, account.NoLimits()); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(ctx, ada.ID); err != nil {
		t.Error(err)
	}
	if _, err := s.Create(ctx, "Ada", secretWord, account.RoleUser); !errors.Is(err, account.ErrTaken) {
		t.Errorf("the name of a deleted account was given away: %v", err)
	}
	if _, err := s.Authenticate(ctx, "ada", secretWord); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a deleted account signs in: %v", err)
	}
	if list, err := s.List(ctx); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestDisabledPeople(t *testing.T) {
	s, ctx := open(t, t.TempDir()), t.Context()
	newAccount(t, s, "root", account.RoleAdmin)
	ada := newAccount(t, s, "ada", account.RoleUser)
	id, err := s.SignIn(ctx, ada.ID, "::1", "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetDisabled(ctx, ada.ID, true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SignedIn(ctx, ada.ID, id, ada.Epoch); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("the session goes on: %v", err)
	}
	if _, err := s.Authenticate(ctx, "ada", secretWord); !errors.Is(err, account.ErrDisabled) {
		t.Errorf("right password: %v", err)
	}
	if _, err := s.Authenticate(ctx, "ada", "wrong"); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a wrong password tells that the account is disabled: %v", err)
	}
	if err := s.SetDisabled(ctx, ada.ID, false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authenticate(ctx, "ada", secretWord); err != nil {
		t.Error(err)
	}
}

func TestSignInsAreOnesOwn(t *testing.T) {
	s, ctx := open(t, t.TempDir()), t.Context()
	ada, bob := newAccount(t, s, "ada", account.RoleAdmin), newAccount(t, s, "bob", account.RoleUser)
	one, err := s.SignIn(ctx, ada.ID, "192.0.2.1", strings.Repeat("x", 500)+"\x00")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.SignedIn(ctx, bob.ID, one, bob.Epoch); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("bob uses ada's: %v", err)
	}
	if err := s.SignOut(ctx, bob.ID, one); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("bob ends ada's: %v", err)
	}
	if list, err := s.SignIns(ctx, ada.ID); err != nil || len(list) != 1 || list[0].Address != "192.0.2.1" || len(list[0].Browser) != 200 {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := s.SignedIn(ctx, ada.ID, one, ada.Epoch+1); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("another epoch: %v", err)
	}
	if err := s.SignOut(ctx, ada.ID, one); err != nil {
		t.Error(err)
	}
	if _, err := s.SignedIn(ctx, ada.ID, one, ada.Epoch); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("after signing out: %v", err)
	}
}

func TestInvitationWorksOnce(t *testing.T) {
	s, ctx := open(t, t.TempDir()), t.Context()
	newAccount(t, s, "root", account.RoleAdmin)
	limits := account.Limits{Servers: 1, Overlays: 0, Blueprints: account.Unlimited}
	secret, err := s.Invite(ctx, account.Link{Role: account.RoleUser, Limits: limits, Note: "for \x00 eve", CreatedBy: "root"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accept(ctx, secret, "ROOT", secretWord); !errors.Is(err, account.ErrTaken) {
		t.Errorf("a taken name: %v", err)
	}
	var made atomic.Int32
	var all sync.WaitGroup
	for _, name := range []string{"ada", "bob", "eve"} {
		all.Go(func() {
			a, err := s.Accept(ctx, secret, name, secretWord)
			if err == nil && a.Limits == limits && a.Role == account.RoleUser {
				made.Add(1)
			} else if !errors.Is(err, account.ErrLink) {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
	all.Wait()
	if made.Load() != 1 {
		t.Errorf("%d accounts with one invitation", made.Load())
	}
	second, err := s.Invite(ctx, account.Link{Role: account.RoleAdmin, Limits: account.NoLimits(), CreatedBy: "root"})
	if err != nil {
		t.Fatal(err)
	}
	open, err := s.Invitations(ctx)
	if err != nil || len(open) != 1 {
		t.Fatalf("%v, %v", open, err)
	}
	if strings.Contains(open[0].Hash, second) {
		t.Error("the secret is stored")
	}
	if err := s.RevokeInvitation(ctx, open[0].ID); err != nil {
		t.Error(err)
	}
	if _, err := s.Accept(ctx, second, "mallory", secretWord); !errors.Is(err, account.ErrLink) {
		t.Errorf("a revoked invitation: %v", err)
	}
}

func TestResetLink(t *testing.T) {
	s, ctx := open(t, t.TempDir()), t.Context()
	ada := newAccount(t, s, "ada", account.RoleAdmin)
	first, err := s.ResetLink(ctx, ada.ID, "root")
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.ResetLink(ctx, ada.ID, "root")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accept(ctx, second, "mallory", secretWord); !errors.Is(err, account.ErrLink) {
		t.Errorf("a reset link makes an account: %v", err)
	}
	if _, err := s.ResetPassword(ctx, first, "battery staple"); !errors.Is(err, account.ErrLink) {
		t.Errorf("the earlier link: %v", err)
	}
	id, err := s.SignIn(ctx, ada.ID, "::1", "")
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := s.ResetPassword(ctx, second, "battery staple"); err != nil || changed.ID != ada.ID {
		t.Errorf("%+v, %v", changed, err)
	}
	if _, err := s.SignedIn(ctx, ada.ID, id, ada.Epoch); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("the session goes on: %v", err)
	}
	if _, err := s.ResetPassword(ctx, second, "battery staple"); !errors.Is(err, account.ErrLink) {
		t.Errorf("twice: %v", err)
	}
	if _, err := s.Authenticate(ctx, "ada", "battery staple"); err != nil {
		t.Error(err)
	}
	invitation, err := s.Invite(ctx, account.Link{Role: account.RoleUser, CreatedBy: "root"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ResetPassword(ctx, invitation, "battery staple"); !errors.Is(err, account.ErrLink) {
		t.Errorf("an invitation sets a password: %v", err)
	}
}

// code returns what an authenticator shows at a time.
func code(t *testing.T, a account.Account, at time.Time) string {
	t.Helper()
	out, err := totp.GenerateCode(a.TOTPSecret, at)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTwoFactor(t *testing.T) {
	s, ctx := open(t, t.TempDir()), t.Context()
	ada := newAccount(t, s, "ada", account.RoleAdmin)
	if err := s.CheckCode(ctx, ada.ID, "000000"); !errors.Is(err, account.ErrCode) {
		t.Errorf("before: %v", err)
	}
	if _, err := s.ConfirmTOTP(ctx, ada.ID, "000000"); !errors.Is(err, account.ErrCode) {
		t.Errorf("confirmed without a secret: %v", err)
	}
	ada, err := s.BeginTOTP(ctx, ada.ID)
	if err != nil || ada.TwoFactor() || len(ada.TOTPSecret) != 32 {
		t.Fatalf("%+v, %v", ada, err)
	}
	if key, err := account.TOTPKey(ada, "left4me"); err != nil || key.Secret() != ada.TOTPSecret {
		t.Errorf("the key shows another secret: %v", err)
	}
	now := time.Now()
	for name, wrong := range map[string]string{"empty": "", "letters": "abcdef", "an hour old": code(t, ada, now.Add(-time.Hour)), "an hour early": code(t, ada, now.Add(time.Hour))} {
		if _, err := s.ConfirmTOTP(ctx, ada.ID, wrong); !errors.Is(err, account.ErrCode) {
			t.Errorf("%s: %v", name, err)
		}
	}
	first := code(t, ada, now)
	codes, err := s.ConfirmTOTP(ctx, ada.ID, first[:3]+" "+first[3:])
	if err != nil || len(codes) != 10 {
		t.Fatalf("%v, %v", codes, err)
	}
	if err := s.CheckCode(ctx, ada.ID, first); !errors.Is(err, account.ErrCode) {
		t.Errorf("the same code again: %v", err)
	}
	next := code(t, ada, now.Add(30*time.Second))
	if err := s.CheckCode(ctx, ada.ID, next); err != nil {
		t.Errorf("the next code: %v", err)
	}
	if err := s.CheckCode(ctx, ada.ID, first); !errors.Is(err, account.ErrCode) {
		t.Errorf("the one before again: %v", err)
	}
	if same, err := s.BeginTOTP(ctx, ada.ID); err != nil || same.TOTPSecret != ada.TOTPSecret {
		t.Errorf("beginning again changes a secret that counts: %v", err)
	}
	if err := s.CheckCode(ctx, ada.ID, strings.ToUpper(codes[3])); err != nil {
		t.Errorf("a recovery code: %v", err)
	}
	if err := s.CheckCode(ctx, ada.ID, codes[3]); !errors.Is(err, account.ErrCode) {
		t.Errorf("a recovery code again: %v", err)
	}
	if n, err := s.RecoveryCodes(ctx, ada.ID); err != nil || n != 9 {
		t.Errorf("%d left, %v", n, err)
	}
	if fresh, err := s.RenewRecoveryCodes(ctx, ada.ID); err != nil || len(fresh) != 10 {
		t.Errorf("%v, %v", fresh, err)
	}
	if err := s.CheckCode(ctx, ada.ID, codes[4]); !errors.Is(err, account.ErrCode) {
		t.Errorf("an old recovery code: %v", err)
	}
	bob := newAccount(t, s, "bob", account.RoleUser)
	if err := s.CheckCode(ctx, bob.ID, codes[5]); !errors.Is(err, account.ErrCode) {
		t.Errorf("somebody else's recovery code: %v", err)
	}
	if err := s.RemoveTOTP(ctx, ada.ID); err != nil {
		t.Fatal(err)
	}
	if a, err := s.Get(ctx, ada.ID); err != nil || a.TwoFactor() || a.TOTPSecret != "" {
		t.Errorf("after turning it off: %+v, %v", a, err)
	}
}

// One code at the same time from two places signs one of them in.
func TestACodeCountsOnceAtTheSameTime(t *testing.T) {
	s, ctx := open(t, t.TempDir()), t.Context()
	ada := newAccount(t, s, "ada", account.RoleAdmin)
	ada, err := s.BeginTOTP(ctx, ada.ID)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if _, err := s.ConfirmTOTP(ctx, ada.ID, code(t, ada, now.Add(-30*time.Second))); err != nil {
		t.Fatal(err)
	}
	same := code(t, ada, now)
	var right atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := s.CheckCode(ctx, ada.ID, same); err == nil {
				right.Add(1)
			} else if !errors.Is(err, account.ErrCode) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if right.Load() != 1 {
		t.Errorf("the code counted %d times", right.Load())
	}
}

func TestAuditFilters(t *testing.T) {
	s, ctx := open(t, t.TempDir()), t.Context()
	base := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for i, e := range []account.Entry{
		{Actor: "ada", Action: "server.start", Host: "local", Target: "server/alpha", Status: 303},
		{Actor: "bob", Action: "server.stop", Host: "beta", Target: "server/alpha", Status: 403},
		{Actor: "ada", Action: "serverless.x", Status: 303, Detail: "nul \x00 here"},
	} {
		e.At = base.AddDate(0, 0, i)
		if err := s.Record(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		filter account.AuditFilter
		want   int
	}{
		"all": {account.AuditFilter{}, 3}, "actor": {account.AuditFilter{Actor: "ada"}, 2}, "action": {account.AuditFilter{Action: "server.start"}, 1},
		"kind": {account.AuditFilter{Action: "server."}, 2}, "part of a word": {account.AuditFilter{Action: "server"}, 0}, "host": {account.AuditFilter{Host: "beta"}, 1},
		"target": {account.AuditFilter{Target: "server/alpha"}, 2}, "failed": {account.AuditFilter{Failed: true}, 1},
		"since": {account.AuditFilter{Since: base.AddDate(0, 0, 1)}, 2}, "until": {account.AuditFilter{Until: base.AddDate(0, 0, 1)}, 1},
		"before": {account.AuditFilter{Before: 3}, 2}, "limit": {account.AuditFilter{Limit: 1}, 1}, "SQL": {account.AuditFilter{Actor: "' OR 1=1 --"}, 0},
	} {
		if got, err := s.Audit(ctx, tt.filter); err != nil || len(got) != tt.want {
			t.Errorf("%s: %d entries, want %d (%v)", name, len(got), tt.want, err)
		}
	}
	if err := s.Record(ctx, account.Entry{Actor: "old", At: time.Now().AddDate(-2, 0, 0)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Audit(ctx, account.AuditFilter{Actor: "old"}); err != nil || len(got) != 0 {
		t.Errorf("after sweeping: %v, %v", got, err)
	}
}

func TestSharesEndWithTheAccount(t *testing.T) {
	s, ctx := open(t, t.TempDir()), t.Context()
	newAccount(t, s, "root", account.RoleAdmin)
	ada := newAccount(t, s, "ada", account.RoleUser)
	for _, rights := range []string{"server.view", "server.view server.power"} {
		if err := s.PutShare(ctx, account.Share{Host: "local", Server: "x", AccountID: ada.ID, Rights: rights, GivenBy: "root"}); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := s.Shares(ctx, "local", "x"); err != nil || len(list) != 1 || list[0].Name != "ada" || list[0].Rights != "server.view server.power" {
		t.Errorf("%+v, %v", list, err)
	}
	if other, err := s.ShareOf(ctx, "elsewhere", "x", ada.ID); err != nil || other != "" {
		t.Errorf("the same id on another host: %q, %v", other, err)
	}
	if err := s.Delete(ctx, ada.ID); err != nil {
		t.Fatal(err)
	}
	if rights, err := s.ShareOf(ctx, "local", "x", ada.ID); err != nil || rights != "" {
		t.Errorf("after deleting: %q, %v", rights, err)
	}
}

func TestHosts(t *testing.T) {
	s, ctx := open(t, t.TempDir()), t.Context()
	h := account.Host{Name: "beta", URL: "https://beta:8440", Token: "t", Pin: "sha256:x"}
	for _, token := range []string{"t", "u"} {
		h.Token = token
		if err := s.PutHost(ctx, h); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.GetHost(ctx, "beta"); err != nil || got.Token != "u" || got.URL != h.URL {
		t.Errorf("%+v, %v", got, err)
	}
	if err := s.PutRevocation(ctx, account.Revocation{Host: "beta", Owner: "ada"}); err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveHost(ctx, "beta"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.GetHost(ctx, "beta"); !errors.Is(err, account.ErrNoHost) {
		t.Errorf("after removing: %v", err)
	}
	if waiting, err := s.Revocations(ctx); err != nil || len(waiting) != 1 {
		t.Errorf("what the host is to be told is forgotten: %v, %v", waiting, err)
	}
}
