package systemd_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/agent/internal/server/servertest"
	"github.com/left4me/left4me/agent/internal/systemd"
)

// insideVariable is set where tests run inside a booted host, as the agent's user. Their names begin with TestInside.
const insideVariable = "LEFT4ME_INSIDE"

const (
	stateDir = "/var/lib/left4me/agent"
	servers  = "/var/lib/left4me/content/servers"
	gameDir  = "/opt/demo-game" // the simulated game, installed by whoever booted the host
	patience = 60 * time.Second
)

func inside(t *testing.T) {
	t.Helper()
	if os.Getenv(insideVariable) == "" {
		t.Skip("runs inside a booted host, see TestHost")
	}
}

func open(t testing.TB) *systemd.Supervisor {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := systemd.New(ctx, systemd.Options{StateDir: stateDir, StopTimeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// opened returns a supervisor that is closed after everything that the test cleans up with it.
func opened(t *testing.T) *systemd.Supervisor {
	t.Helper()
	s := open(t)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestInsideSuite(t *testing.T) {
	inside(t)
	servertest.Run(t, servertest.Setup{
		Open:  func(t testing.TB) servertest.Supervisor { return open(t) },
		Tree:  tree,
		Alive: alive,
		Game:  func(testing.TB) string { return gameDir },
	})
}

// tree stands for what the mounter mounts.
func tree(t testing.TB, serverID string, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(servers, serverID, "tree")
	if _, err := os.Stat(dir); err != nil {
		t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(dir)) })
	}
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+".new", []byte(data), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// alive looks for processes in the unit's control group, whoever they are.
func alive(t testing.TB, serverID string) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		groups, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if strings.Contains(string(groups), "left4me-server@"+serverID+".service") && !strings.Contains(string(stat), ") Z ") {
			out = append(out, pid)
		}
	}
	return out
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// withoutTest is for cleaning up.
func withoutTest(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	t.Cleanup(cancel)
	return ctx
}

// watch returns when a status satisfies ok.
func watch(t testing.TB, s *systemd.Supervisor, ok func(server.UnitStatus) bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	found := false
	var last server.UnitStatus
	_ = s.Watch(ctx, func(u server.UnitStatus) {
		if last = u; !found && ok(u) {
			found = true
			cancel()
		}
	})
	if !found {
		t.Fatalf("it never came so far; last: %+v", last)
	}
}

// Another user than the agent's may not.
func TestRefused(t *testing.T) {
	inside(t)
	refused(t, "does not let the agent")
}

// TestRefusedWith runs on a host that lacks something; the variable says how that is called.
func TestRefusedWith(t *testing.T) {
	inside(t)
	refused(t, os.Getenv(insideVariable))
}

func refused(t *testing.T, want string) {
	t.Helper()
	s, err := systemd.New(within(t), systemd.Options{StateDir: t.TempDir()})
	if err == nil {
		s.Close()
	}
	f, ok := fault.Of(err)
	if !ok || f.Code != fault.Precondition || f.Hint == "" || !strings.Contains(f.Message, want) {
		t.Errorf("%v", err)
	}
}
