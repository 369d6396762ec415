package hostrig_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/test/hostrig"
)

func TestBootIsARealHost(t *testing.T) {
	for _, release := range []string{"bookworm", "trixie"} {
		t.Run(release, func(t *testing.T) {
			started := time.Now()
			h := hostrig.Boot(t, hostrig.Options{Release: release, Name: "games"})
			t.Logf("booted after %s: %s", time.Since(started).Round(time.Millisecond), strings.SplitN(h.Output(t, "systemctl", "--version"), "\n", 2)[0])
			if got := h.Output(t, "/bin/sh", "-c", "cat /proc/1/comm; hostname; id -u; systemctl is-active dbus polkit"); got != "systemd\ngames\n0\nactive\nactive" &&
				!strings.HasPrefix(got, "systemd\ngames\n0\nactive\n") {
				t.Errorf("%q", got)
			}
			testLimits(t, h)
		})
	}
}

// testLimits sees that limits are enforced, not only accepted.
func testLimits(t *testing.T, h *hostrig.Host) {
	t.Helper()
	run := func(script string, properties ...string) (hostrig.Result, error) {
		argv := []string{"systemd-run", "--wait", "--collect", "--pipe", "--quiet"}
		for _, property := range properties {
			argv = append(argv, "--property", property)
		}
		return h.Run(t.Context(), nil, append(argv, "/bin/bash", "-c", script)...)
	}
	if got, err := run(`x=$(head -c 200M /dev/zero | tr '\0' x); echo went on`, "MemoryMax=64M", "MemorySwapMax=0"); err != nil || got.Code == 0 || strings.Contains(got.Stdout, "went on") {
		t.Errorf("memory: %+v, %v", got, err)
	}
	if got, err := run(`for i in {1..50}; do sleep 5 & done; jobs -p | wc -l`, "TasksMax=16"); err != nil || !strings.Contains(got.Stderr, "fork") {
		t.Errorf("tasks: %+v, %v", got, err)
	}
}

func TestRunTellsResultsApart(t *testing.T) {
	h := shared.Host(t)
	got, err := h.Run(t.Context(), strings.NewReader("words"), "/bin/sh", "-c", "cat; echo problem >&2; exit 7")
	if err != nil || got.Code != 7 || got.Stdout != "words" || got.Stderr != "problem\n" {
		t.Errorf("%+v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Run(ctx, nil, "true"); err == nil {
		t.Error("no error from a canceled context")
	}
	if got := h.Output(t, hostrig.As("nobody", "id", "-un")...); got != "nobody" {
		t.Errorf("runs as %q", got)
	}
}

func TestFilesUnitsAndJournal(t *testing.T) {
	h := shared.Host(t)
	h.Put(t, "/etc/systemd/system/rig-hello.service", []byte("[Service]\nType=oneshot\nExecStart=/usr/local/bin/hello\n"), 0o644)
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/hello", []byte("#!/bin/sh\necho hello from the unit\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	h.Push(t, dir, "/usr/local/bin")
	h.Output(t, "systemctl", "daemon-reload")
	h.Output(t, "systemctl", "start", "rig-hello.service")
	if got := h.Journal(t, "rig-hello.service"); !strings.Contains(got, "hello from the unit\n") {
		t.Errorf("journal: %q", got)
	}
	if got := h.Properties(t, "rig-hello.service", "Result", "LoadState"); got["Result"] != "success" || got["LoadState"] != "loaded" {
		t.Errorf("properties: %v", got)
	}
	h.Put(t, "/run/rig/file", []byte("in a tmpfs"), 0o600)
	if got := h.Output(t, "/bin/sh", "-c", "stat -c '%a %U' /run/rig/file; cat /run/rig/file"); got != "600 root\nin a tmpfs" {
		t.Errorf("%q", got)
	}
	if got := string(h.Read(t, "/etc/hostname")); got != "host\n" {
		t.Errorf("hostname %q", got)
	}
}

func TestInternet(t *testing.T) {
	h := shared.Host(t)
	internet := h.Internet(t)
	v4, _ := internet.Serve(t, "maps.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s from %s", r.URL.Path, r.RemoteAddr[:strings.LastIndexByte(r.RemoteAddr, ':')])
	}))
	for url, want := range map[string]string{
		"http://maps.example/a":              "/a from ",
		"https://maps.example/b":             "/b from ",
		"http://" + v4.String() + "/c":       "/c from " + hostrig.HostAddress,
		"http://" + hostrig.PrivateName:      "BROKEN",
		"http://" + hostrig.PrivateAddress:   "BROKEN",
		"http://169.254.169.254/latest/meta": "BROKEN",
	} {
		if got := h.Output(t, "curl", "-sS", "--max-time", "10", url); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q", url, got)
		}
	}
	for _, family := range []string{"-4", "-6"} {
		if got := h.Output(t, "curl", family, "-sS", "--max-time", "10", "https://maps.example/d"); !strings.HasPrefix(got, "/d from ") {
			t.Errorf("%s: %q", family, got)
		}
	}
	if got, err := h.Run(t.Context(), nil, "curl", "-sS", "--max-time", "10", "http://absent.example"); err != nil || got.Code != 6 {
		t.Errorf("a name that does not exist: %+v, %v", got, err)
	}
	listener := h.Listen(t, "tcp", ":8099")
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "the host") }))
	response, err := internet.Client().Get("http://" + hostrig.HostAddress + ":8099/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || string(text) != "the host" {
		t.Errorf("from the internet: %q, %v", text, err)
	}
	connection, err := h.Dial(t.Context(), "tcp", "127.0.0.1:8099")
	if err != nil {
		t.Fatal(err)
	}
	_ = connection.Close()
}

func TestRebootAndCrash(t *testing.T) {
	h := hostrig.Boot(t, hostrig.Options{})
	internet := h.Internet(t)
	internet.Serve(t, "maps.example", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "still there") }))
	h.Put(t, "/var/lib/kept", []byte("kept"), 0o644)
	h.Put(t, "/run/lost", []byte("lost"), 0o644)
	for name, again := range map[string]func(testing.TB){"reboot": h.Reboot, "crash": h.Crash} {
		before := h.Output(t, "cat", "/proc/sys/kernel/random/boot_id", "/run/lost")
		again(t)
		if got := h.Output(t, "cat", "/var/lib/kept"); got != "kept" {
			t.Errorf("%s: %q", name, got)
		}
		if got, err := h.Run(t.Context(), nil, "test", "-e", "/run/lost"); err != nil || got.Code != 1 {
			t.Errorf("%s: /run was kept: %+v, %v; before %q", name, got, err, before)
		}
		if got := h.Output(t, "curl", "-sS", "--max-time", "10", "https://maps.example/"); got != "still there" {
			t.Errorf("%s: %q", name, got)
		}
		h.Put(t, "/run/lost", []byte("lost"), 0o644)
	}
}

func TestHostsLiveBesideEachOther(t *testing.T) {
	first := hostrig.Boot(t, hostrig.Options{Name: "first"})
	second := hostrig.Boot(t, hostrig.Options{Name: "second"})
	for _, h := range []*hostrig.Host{first, second, first} {
		h.Output(t, "systemd-run", "--unit", "rig-sleep", "--collect", "sleep", "1000")
		h.Output(t, "systemctl", "stop", "rig-sleep")
	}
	first.Output(t, "systemd-run", "--unit", "rig-sleep", "--collect", "sleep", "1000")
	second.Output(t, "systemctl", "daemon-reexec")
	if got := first.Output(t, "systemctl", "is-active", "rig-sleep"); got != "active" {
		t.Errorf("the first host's unit is %s", got)
	}
}
