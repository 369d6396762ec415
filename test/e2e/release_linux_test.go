package e2e_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/api"
)

// steamWorld is a world whose game comes from a stand-in for steamcmd that brings out a new build after each
// installation.
func steamWorld(t *testing.T) *world {
	t.Helper()
	return newWorldFrom(t, 27320, func(w *world) string {
		script := fmt.Sprintf("#!/bin/sh\nexec %q --world %q \"$@\"\n", filepath.Join(bin, "steamcmd-standin"), filepath.Join(w.state, "world.json"))
		description := fmt.Sprintf(`{"build":17033453,"version":"2.2.4.3","game":%q,"renew":true,"pace":"80ms"}`, filepath.Join(w.state, "game"))
		for name, text := range map[string]string{"steamcmd.sh": script, "world.json": description} {
			if err := os.WriteFile(filepath.Join(w.state, name), []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return fmt.Sprintf(`
plugin "game-steamcmd" {
  kind = "builder"
  launch {
    mode    = "exec"
    command = ["%[1]s/game-steamcmd"]
    user    = "64001"
    group   = "64001"
  }
  settings {
    steamcmd      = "%[2]s/steamcmd.sh"
    check_url     = "none"
    retry_wait    = "100ms"
    reserve_bytes = 0
    update_bytes  = 0
  }
}
installation {
  source = "plugin"
  plugin = "game-steamcmd"
  keep   = 3
}
`, bin, w.state)
	})
}

// fingerprint is what a release consists of: names, modes and content.
func fingerprint(dir string) (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(sum, "%s %s %d\n", strings.TrimPrefix(path, dir), info.Mode(), len(data))
		_, _ = sum.Write(data)
		return err
	})
	return fmt.Sprintf("%x", sum.Sum(nil)), err
}

func (w *world) release(id string) string {
	return filepath.Join(w.state, "content", "installations", id)
}

// TestAnUpdateBeneathARunningServer updates the game while a server plays on it: steamcmd writes in place, and what
// the server has mounted must not change; then the server takes the new release up, and goes back.
func TestAnUpdateBeneathARunningServer(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount")
	}
	w := steamWorld(t)
	cli(t, w.state, "server", "start", "a")
	w.wanted["a"] = "running"
	before := list[api.Release](t, w.state, "release", "list")[0]
	was, err := fingerprint(w.release(before.ID))
	if err != nil {
		t.Fatal(err)
	}
	tree := filepath.Join(w.state, "content", "servers", one[api.Server](t, w.state, "server", "show", "a").ID, "tree", "left4dead2", "build.txt")
	shown := func() string {
		data, err := os.ReadFile(tree)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(data))
	}
	cli(t, w.state, "release", "update")
	after := list[api.Release](t, w.state, "release", "list")[0]
	if after.ID == before.ID || after.Build != "17034453" || after.SharedBytes == 0 || after.SharedBytes >= after.Bytes {
		t.Errorf("the new release: %+v", after)
	}
	if is, err := fingerprint(w.release(before.ID)); err != nil || is != was || shown() != "build 17033453" {
		t.Errorf("the release that a server has mounted has changed; it shows %s", shown())
	}
	if _, err := try(w.state, "release", "remove", after.ID); err == nil {
		t.Error("the present release was removed")
	}
	if _, err := try(w.state, "release", "use", before.ID); err != nil {
		t.Error(err)
	}
	if _, err := try(w.state, "release", "use", after.ID); err != nil {
		t.Error(err)
	}
	if _, err := try(w.state, "release", "remove", before.ID); err == nil {
		t.Error("a release was removed that a server has mounted")
	}
	cli(t, w.state, "release", "rollout")
	if got := shown(); got != "build 17034453" {
		t.Errorf("after the rollout the server shows %s", got)
	}
	cli(t, w.state, "release", "rollback", "--rollout")
	if got := shown(); got != "build 17033453" {
		t.Errorf("after the rollback the server shows %s", got)
	}
	cli(t, w.state, "release", "remove", after.ID)
	if _, err := os.Stat(w.release(after.ID)); !os.IsNotExist(err) {
		t.Errorf("the removed release is on disk: %v", err)
	}
}

// Agent, plugins, steamcmd and games are killed with SIGKILL at random moments of updates and rollouts. After each new
// start of the agent the servers run, nothing half-made is left, every release is whole, and none has changed (S18).
func TestUpdatesAreKilled(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount")
	}
	w := steamWorld(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	for name := range w.wanted {
		cli(t, w.state, "server", "start", name)
		w.wanted[name] = "running"
	}
	known := map[string]string{}
	for round := range 8 {
		_, _ = try(w.state, "release", "update", "--rollout", "--no-wait") // a dead plugin may refuse
		time.Sleep(time.Duration(random.IntN(2500)) * time.Millisecond)    // the random moment
		what := w.kill([]string{agentKind, agentKind, "game-steamcmd", "steamcmd-standin", "mounter-kernel", "srcds_linux"}[random.IntN(6)])
		w.restart()
		when := fmt.Sprintf("round %d, after killing %s", round, what)
		w.check(when)
		w.checkReleases(when, known)
	}
	eventually(t, "an update and its rollout succeed again", func() bool {
		_, err := try(w.state, "release", "update", "--rollout")
		return err == nil
	})
	w.check("at the end")
	w.checkReleases("at the end", known)
	if len(known) < 2 {
		t.Errorf("only %d releases were ever made", len(known))
	}
}

// kill sends SIGKILL to one process of a kind.
func (w *world) kill(kind string) string {
	if kind == agentKind {
		return w.killAgent()
	}
	for pid, line := range w.processes() {
		if strings.Contains(line, kind) && !strings.Contains(line, "/bin/sh") {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			return line
		}
	}
	return "nothing (no " + kind + ")"
}

// checkReleases holds what is on disk against the rows, and against what it was before. An agent that has just started
// may still be removing what a killed job left, so a difference may go away; a release that changed stays wrong.
func (w *world) checkReleases(when string, known map[string]string) {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		complaint := w.compareReleases(when, known)
		if complaint == "" {
			return
		}
		if time.Now().After(deadline) {
			jobs, _ := try(w.state, "job", "list")
			w.t.Fatalf("%s: %s\n%s", when, complaint, jobs)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// compareReleases says where rows and disk differ, or "".
func (w *world) compareReleases(when string, known map[string]string) string {
	w.t.Helper()
	rows := map[string]api.Release{}
	for _, r := range list[api.Release](w.t, w.state, "release", "list") {
		rows[r.ID] = r
	}
	entries, err := os.ReadDir(filepath.Join(w.state, "content", "installations"))
	if err != nil {
		return err.Error()
	}
	for _, entry := range entries {
		id := entry.Name()
		if strings.HasPrefix(id, ".") || !entry.IsDir() {
			continue
		}
		row, ok := rows[id]
		if !ok {
			return fmt.Sprintf("release %s has no row", id)
		}
		delete(rows, id)
		data, err := os.ReadFile(filepath.Join(w.release(id), "left4dead2", "build.txt"))
		if err != nil || strings.TrimSpace(string(data)) != "build "+row.Build {
			return fmt.Sprintf("release %s holds %q, %v; its row says build %s", id, data, err, row.Build)
		}
		is, err := fingerprint(w.release(id))
		if err != nil {
			return err.Error()
		}
		if was, ok := known[id]; ok && was != is {
			w.t.Errorf("%s: release %s has changed", when, id)
		}
		known[id] = is
	}
	for id := range rows {
		return fmt.Sprintf("release %s is not on disk", id)
	}
	return ""
}
