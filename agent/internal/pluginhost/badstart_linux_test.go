package pluginhost_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/pluginhost"
	"github.com/left4me/left4me/sdk"
)

// TestBadStart holds what is said about plugins that do not come to serve. Permanent faults are given up
// at once; a start that may work next time is tried again.
func TestBadStart(t *testing.T) {
	for _, test := range []struct {
		behavior string
		state    pluginhost.State
		says     string // after `Plugin "overlay-x" `
		hint     string
	}{
		{"crash", pluginhost.Backoff, "ended with status 3 while it started.", "Its log ends with: cannot find my config"},
		{"panic", pluginhost.Backoff, "ended with status 2 while it started.", "Its log ends with: "},
		{"exit0", pluginhost.Backoff, "ended by itself while it started.", ""},
		{"cookie", pluginhost.Backoff, "ended with status 1 while it started.", "Please execute the program that consumes these plugins"},
		{"talkative", pluginhost.Failed, `printed "Hello, I am a plugin!" in place of a handshake.`, "prints nothing before it serves"},
		{"longline", pluginhost.Failed, "broke the protocol: it listens at unix", ""},
		{"core", pluginhost.Failed, "in place of a handshake.", ""},
		{"newer", pluginhost.Failed, "speaks protocol 2; this agent speaks 1.", "Update the agent"},
		{"newer-real", pluginhost.Failed, "speaks protocol 2; this agent speaks 1.", "Update the agent"},
		{"older", pluginhost.Failed, "speaks protocol 0; this agent speaks 1.", "Update the plugin."},
		{"plain", pluginhost.Failed, "broke the protocol: it does not offer gRPC with TLS.", "report this to its author"},
		{"elsewhere", pluginhost.Failed, `broke the protocol: it listens at unix "/run/dbus/system_bus_socket" and not in the directory it was given.`, ""},
		{"tcp", pluginhost.Failed, `broke the protocol: it listens at tcp "127.0.0.1:22" and not in the directory it was given.`, ""},
		{"notsocket", pluginhost.Failed, "is not a socket.", ""},
		{"symlink", pluginhost.Failed, "is not a socket.", ""},
		{"nocert", pluginhost.Failed, "broke the protocol: it does not offer gRPC with TLS.", ""},
		{"badinfo", pluginhost.Failed, "did not say what it is: The plugin broke the protocol: its name", ""},
		{"badschema", pluginhost.Failed, "broke the protocol: a schema of it cannot be read", ""},
		{"mounter", pluginhost.Failed, "is configured as a builder, but its program friendly is a mounter.", `Correct "kind" or "command"`},
	} {
		t.Run(test.behavior, func(t *testing.T) {
			r := newRig(t, func(o *pluginhost.Options) {
				o.Timing.BackoffMin, o.Timing.BackoffMax = time.Hour, time.Hour
			}, behaving("overlay-x", test.behavior))
			r.Start()
			status := r.awaitState("overlay-x", test.state)
			if !strings.HasPrefix(status.Description, `Plugin "overlay-x" `) || !strings.Contains(status.Description, test.says) {
				t.Errorf("says %q, want %q", status.Description, test.says)
			}
			if !strings.Contains(status.Hint, test.hint) {
				t.Errorf("hint %q, want %q", status.Hint, test.hint)
			}
		})
	}
}

// TestSlowStart covers plugins that never get ready: they are killed when their time is over.
func TestSlowStart(t *testing.T) {
	for _, behavior := range []string{"deaf", "mute"} {
		t.Run(behavior, func(t *testing.T) {
			r := newRig(t, func(o *pluginhost.Options) {
				o.Timing.Start, o.Timing.BackoffMin, o.Timing.BackoffMax = 500*time.Millisecond, time.Hour, time.Hour
			}, behaving("overlay-x", behavior))
			r.Start()
			status := r.awaitState("overlay-x", pluginhost.Backoff)
			if !strings.Contains(status.Description, "did not start within 500ms.") {
				t.Errorf("says %q", status.Description)
			}
		})
	}
}

// TestCloseWhileStarting does not wait for a plugin that never gets ready.
func TestCloseWhileStarting(t *testing.T) {
	r := newRig(t, nil, behaving("overlay-x", "deaf"))
	r.Start()
	for len(processes(r.dir)) == 0 {
		time.Sleep(time.Millisecond) // there is no event for "the process exists and says nothing"
	}
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSettings(t *testing.T) {
	refused := behaving("overlay-refused", "good")
	refused.Settings = json.RawMessage(`{"refuse":true}`)
	leaking := behaving("overlay-leaking", "good")
	leaking.Settings = json.RawMessage(`{"leak":true}`)
	leaking.Secrets = func() (map[string]string, error) { return map[string]string{"key": "hunter2hunter2"}, nil }
	absent := behaving("overlay-absent", "good")
	absent.Secrets = func() (map[string]string, error) { return nil, errors.New("The secret file /x does not exist.") }
	good := behaving("overlay-good", "good")
	good.Settings = json.RawMessage(`{"a":1}`)
	good.Secrets = func() (map[string]string, error) { return map[string]string{"key": "value"}, nil }
	r := newRig(t, nil, refused, leaking, absent, good)
	r.Start()

	s := r.awaitState("overlay-refused", pluginhost.Failed)
	if want := `Plugin "overlay-refused" refuses its settings: /refuse: There is no key "refuse". And another thing.`; s.Description != want || s.Hint != "Remove it." {
		t.Errorf("says %q, hint %q", s.Description, s.Hint)
	}
	s = r.awaitState("overlay-leaking", pluginhost.Failed)
	if want := `Plugin "overlay-leaking" could not be configured: The key [secret key] was refused.`; s.Description != want {
		t.Errorf("says %q", s.Description)
	}
	s = r.awaitState("overlay-absent", pluginhost.Failed)
	if want := `Plugin "overlay-absent" is not started: The secret file /x does not exist.`; s.Description != want {
		t.Errorf("says %q", s.Description)
	}
	if got := strings.Join(show(t, r, "overlay-good", "secret"), "|"); got != `value|{"a":1}` {
		t.Errorf("the plugin got %s", got)
	}
	s, err := r.Get("overlay-leaking")
	if err != nil {
		t.Fatal(err)
	}
	if all := r.logs.String() + strings.Join(s.Log, "\n"); strings.Contains(all, "hunter2") || !strings.Contains(all, "the key is [secret key]") {
		t.Error("a secret is in the log, or the line is missing")
	}
}

func TestHealth(t *testing.T) {
	p := behaving("overlay-x", "good")
	p.Settings = json.RawMessage(`{"health":"undetected"}`)
	r := newRig(t, nil, p)
	r.Start()
	s := r.awaitState("overlay-x", pluginhost.Degraded)
	if s.Description != "No [31mluck today." || s.Health.State != sdk.HealthUndetected || s.Health.Attributes["a"] != "b" {
		t.Errorf("%+v", s)
	}
	// A degraded plugin can be called.
	b, err := r.Builder("overlay-x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Build(t.Context(), doing("work"), &recorder{}); err != nil {
		t.Error(err)
	}
}

func TestPrograms(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		return file
	}
	const wrong = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	for _, test := range []struct{ name, program, checksum, says, hint string }{
		{"absent", filepath.Join(dir, "absent"), "", "absent does not exist.", "Install it at that path. Then run: left4me plugin restart overlay-x"},
		{"directory", dir, "", "is not an executable file.", "Make the file executable, if it is the plugin. Then run: left4me plugin restart overlay-x"},
		{"mode", write("mode", "x", 0o644), "", "is not an executable file.", ""},
		{"writable", write("writable", "x", 0o777), "", "every user of this host can change its program", "chmod o-w"},
		{"format", write("format", "\x7fELFgarbage", 0o755), "", "is not a program for this machine.", ""},
		{"checksum", write("sum", "#!/bin/sh\nexit 0\n", 0o755), wrong, "has the checksum sha256:306c6ca7407560340797866e077e053627ad409277d1b9da58106fce4cf717cb, not the configured one.", `correct "checksum"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := behaving("overlay-x", "good")
			p.Launch.Command[0], p.Launch.Checksum = test.program, test.checksum
			r := newRig(t, nil, p)
			r.Start()
			s := r.awaitState("overlay-x", pluginhost.Failed)
			if !strings.Contains(s.Description, test.says) || !strings.Contains(s.Hint, test.hint) {
				t.Errorf("says %q, hint %q", s.Description, s.Hint)
			}
		})
	}
}

func TestLongRuntimeDir(t *testing.T) {
	r := newRig(t, func(o *pluginhost.Options) {
		o.RuntimeDir = filepath.Join(o.RuntimeDir, strings.Repeat("x", 60))
	}, behaving("overlay-x", "good"))
	r.Start()
	s := r.awaitState("overlay-x", pluginhost.Failed)
	if !strings.Contains(s.Description, "a unix socket takes 107") || !strings.Contains(s.Hint, "runtime_dir") {
		t.Errorf("says %q, hint %q", s.Description, s.Hint)
	}
}

// TestBreaker gives a plugin up that ends again and again, until somebody asks.
func TestBreaker(t *testing.T) {
	r := newRig(t, nil, behaving("overlay-x", "crash"))
	r.Start()
	s := r.awaitState("overlay-x", pluginhost.Failed)
	if s.Restarts != 4 || !strings.Contains(s.Description, "It ended too often and is not started again.") {
		t.Errorf("%d restarts, says %q", s.Restarts, s.Description)
	}
	if err := r.Restart(t.Context(), "overlay-x"); err == nil {
		t.Error("the restart of a plugin that crashes succeeded")
	}
	s = r.await("overlay-x", "failed again", func(s pluginhost.Status) bool {
		return s.State == pluginhost.Failed && s.Restarts > 4
	})
	if s.Restarts != 9 {
		t.Errorf("%d restarts after a fresh start, want 9", s.Restarts)
	}
}

// TestRepaired: a failed plugin works after what was wrong is mended and a restart is asked for.
func TestRepaired(t *testing.T) {
	p := behaving("overlay-x", "good")
	self := p.Launch.Command[0]
	program := filepath.Join(t.TempDir(), "plugin")
	p.Launch.Command[0] = program
	r := newRig(t, nil, p)
	r.Start()
	r.awaitState("overlay-x", pluginhost.Failed)
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	if err := r.Restart(t.Context(), "overlay-x"); err != nil {
		t.Error(err)
	}
}
