package e2e_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/api"
)

// patience bounds waiting for what must come, on a machine that has much else to do; nothing is measured by it.
const patience = 4 * time.Minute

// rounds of random kills; each takes a few seconds.
const rounds = 12

// Agent, plugins and games are killed with SIGKILL at random moments while servers start, stop and overlays
// are built. After each new start of the agent everything is as it was meant, and nothing is left over (S18).
func TestKillAnything(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount")
	}
	w := newWorld(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for round := range rounds {
		w.stir(random)
		time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond) // the random moment
		what := w.killSomething(random)
		w.restart()
		w.check(fmt.Sprintf("round %d, after killing %s", round, what))
	}
}

// world is an agent with a configuration of its own, in a mount namespace of its own.
type world struct {
	t     *testing.T
	state string
	agent *program
	// wanted is what each server was last asked to be.
	wanted map[string]string
	edits  int
	over   bool
	// inside is the command that the agent is started with; nil = as it is.
	inside []string
	// servers are further lines of the block of that name.
	servers string
}

func newWorld(t *testing.T) *world {
	return newWorldFrom(t, 27300, func(w *world) string {
		return fmt.Sprintf("installation {\n  source = \"directory\"\n  path   = %q\n}\n", filepath.Join(w.state, "game"))
	})
}

// newWorldFrom is newWorld with ports of its own and blocks of the configuration that say where the game comes from.
// source may also set how the agent is started.
func newWorldFrom(t *testing.T, firstPort int, source func(*world) string) *world {
	w := &world{t: t, state: openDir(t), wanted: map[string]string{}}
	game := filepath.Join(w.state, "game")
	if output, err := exec.Command(filepath.Join(bin, "demo-game"), "install", game).CombinedOutput(); err != nil {
		t.Fatalf("install the game: %v\n%s", err, output)
	}
	blocks := source(w)
	config := fmt.Sprintf(`
name        = "kill"
state_dir   = %[1]q
runtime_dir = "%[1]s/run"
plugin "mounter-kernel" {
  kind = "mounter"
  launch {
    mode         = "exec"
    command      = ["%[2]s/mounter-kernel"]
    capabilities = ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_CHOWN", "CAP_FOWNER", "CAP_SETUID", "CAP_SETGID"]
  }
  settings {
    root = "%[1]s/content"
    owners {
      staging_uid = 64001
      staging_gid = 64001
      game_uid    = 64002
      game_gid    = 64002
    }
  }
}
plugin "overlay-script" {
  kind = "builder"
  launch {
    mode    = "exec"
    command = ["%[2]s/overlay-script"]
    user    = "64001"
    group   = "64001"
  }
}
servers {
  supervisor   = "process"
  port_range   = "%[4]d-%[5]d"
  stop_timeout = "5s"
  user         = "64002"
  group        = "64002"
  %[6]s
}
%[3]s`, w.state, bin, blocks, firstPort, firstPort+10, w.servers)
	if err := os.WriteFile(filepath.Join(w.state, "agent.hcl"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	w.start()
	cli(t, w.state, "release", "install")
	w.script("create")
	cli(t, w.state, "blueprint", "create", "coop", "--overlay", "motd")
	for _, name := range []string{"a", "b"} {
		cli(t, w.state, "server", "create", name, "--blueprint", "coop")
		w.wanted[name] = "stopped"
	}
	return w
}

// start runs the agent in the test's own namespaces, as on a host: mounts of a killed agent are still there for the
// next one. end removes what a failed test leaves.
func (w *world) start() {
	w.t.Helper()
	arguments := append(slices.Clone(w.inside), filepath.Join(bin, "left4me"), "agent", "--config", filepath.Join(w.state, "agent.hcl"))
	w.agent = start(w.t, exec.Command(arguments[0], arguments[1:]...))
	w.t.Cleanup(w.end) // runs before the clean-up that ends the agent
	eventually(w.t, "the agent answers", func() bool {
		_, err := try(w.state, "host")
		return err == nil
	})
}

func (w *world) restart() {
	w.t.Helper()
	select {
	case <-w.agent.ended:
		w.start()
	default:
	}
}

// script gives the overlay other content, slowly enough to be killed in the middle.
func (w *world) script(verb string) {
	w.t.Helper()
	w.edits++
	text := fmt.Sprintf("#!/bin/bash\nmkdir -p left4dead2\nfor i in $(seq 20); do echo %d-$i > left4dead2/file$i.txt; sleep 0.02; done\n", w.edits)
	path := filepath.Join(w.state, "script.sh")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
	if verb == "create" {
		cli(w.t, w.state, "overlay", "create", "motd", "--type", "overlay-script", "--script", path)
		return
	}
	cli(w.t, w.state, "overlay", "set", "motd", "--script", path)
}

// stir asks for some work without waiting for it. What a dead plugin refuses is fine here.
func (w *world) stir(random *rand.Rand) {
	w.t.Helper()
	if random.IntN(2) == 0 {
		w.script("set")
		_, _ = try(w.state, "overlay", "build", "motd", "--no-wait")
	}
	for _, name := range []string{"a", "b"} {
		verb, wanted := "start", "running"
		if random.IntN(3) == 0 {
			verb, wanted = "stop", "stopped"
		}
		if _, err := try(w.state, "server", verb, name, "--no-wait"); err == nil {
			w.wanted[name] = wanted
		}
	}
}

// killSomething sends SIGKILL to the agent, a plugin or a game's processes, and says what it was.
func (w *world) killSomething(random *rand.Rand) string {
	w.t.Helper()
	kinds := []string{agentKind, agentKind, "mounter-kernel", "overlay-script", "srcds_linux"}
	return w.kill(kinds[random.IntN(len(kinds))])
}

// agentKind is the kind of process that killAgent kills.
const agentKind = "left4me agent"

// killAgent kills the agent by its number: what the agent is about to execute has the agent's command line until it
// does, and killing that instead would end no agent.
func (w *world) killAgent() string {
	_ = w.agent.cmd.Process.Kill() // it may have ended
	<-w.agent.ended
	return agentKind
}

// processes returns the command lines of this world's processes by pid.
func (w *world) processes() map[int]string {
	out := map[int]string{}
	entries, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, entry := range entries {
		data, _ := os.ReadFile(entry)
		line := strings.TrimSpace(strings.ReplaceAll(string(data), "\x00", " "))
		directory, _ := os.Readlink(filepath.Join(filepath.Dir(entry), "cwd"))
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(entry))); err == nil && pid != os.Getpid() &&
			(strings.Contains(line, bin) || strings.Contains(line, w.state) || strings.HasPrefix(directory, w.state)) {
			out[pid] = line
		}
	}
	return out
}

// check waits until everything is as wanted, and fails if it never is.
func (w *world) check(when string) {
	w.t.Helper()
	var last string
	deadline := time.Now().Add(patience)
	for {
		if last = w.wrong(); last == "" {
			return
		}
		if time.Now().After(deadline) {
			jobs, _ := try(w.state, "job", "list")
			w.t.Fatalf("%s: %s\n%s", when, last, jobs)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// wrong says what is not as it should be, or "".
func (w *world) wrong() string {
	var jobs []api.Job
	if text, err := try(w.state, "job", "list", "--format", "json"); err != nil || json.Unmarshal([]byte(text), &jobs) != nil {
		return fmt.Sprint("jobs cannot be listed: ", err)
	}
	if slices.ContainsFunc(jobs, func(j api.Job) bool { return j.Status == "queued" || j.Status == "running" }) {
		return "jobs are under way"
	}
	for name, wanted := range w.wanted {
		var s api.Server
		if text, err := try(w.state, "server", "show", name, "--format", "json"); err != nil || json.Unmarshal([]byte(text), &s) != nil {
			return fmt.Sprint("server cannot be shown: ", err)
		}
		if wanted == "running" && s.State != "running" || wanted == "stopped" && s.State != "offline" {
			return fmt.Sprintf("server %s should be %s and is %s (%s)", name, wanted, s.State, s.Reason)
		}
	}
	if builds, _ := os.ReadDir(filepath.Join(w.state, "content", "builds")); len(builds) > 0 {
		for _, b := range builds {
			if !strings.HasPrefix(b.Name(), ".") {
				return "a staging tree is left: " + b.Name()
			}
		}
	}
	running := 0
	for _, wanted := range w.wanted {
		if wanted == "running" {
			running++
		}
	}
	mounted := 0
	for _, line := range mounts(w.t, w.state) {
		if strings.Contains(line, w.state) && strings.Contains(line, "/tree ") && strings.Contains(line, "/servers/") {
			mounted++
		}
	}
	if mounted != running {
		return fmt.Sprintf("%d trees are mounted for %d running servers", mounted, running)
	}
	return ""
}

// end stops everything and looks for what is left.
func (w *world) end() {
	if w.over {
		return
	}
	w.over = true
	for name := range w.wanted {
		_, _ = try(w.state, "server", "delete", name)
	}
	_ = w.agent.cmd.Process.Signal(syscall.SIGTERM)
	w.agent.endsWithin(30 * time.Second)
	for pid, line := range w.processes() {
		w.t.Errorf("process %d is left: %s", pid, line)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, line := range mounts(w.t, w.state) {
		if !strings.Contains(line, w.state) {
			continue // of another test on this machine
		}
		fields := strings.Fields(line)
		w.t.Errorf("a mount is left: %s", line)
		_ = syscall.Unmount(fields[4], syscall.MNT_DETACH)
	}
}
