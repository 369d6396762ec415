package e2e_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/api"
)

func demo(t *testing.T, state, panel string) *exec.Cmd {
	t.Helper()
	return exec.Command(filepath.Join(bin, "left4me"), "demo", "--state", state, "--bin", bin,
		"--seed", filepath.Join(root, "examples", "script-overlays"), "--panel", panel)
}

// What make run does: everything comes up, a server plays, Ctrl-C leaves nothing.
func TestDemo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("not root: the demo runs in a user namespace")
	}
	playAndEnd(t, nil)
}

// The same as an ordinary user, in a user namespace.
func TestDemoWithoutRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("TestDemo runs without root already")
	}
	playAndEnd(t, &syscall.Credential{Uid: 64123, Gid: 64123})
}

func playAndEnd(t *testing.T, as *syscall.Credential) {
	state, panel := filepath.Join(openDir(t), "s"), freeAddress(t)
	asUser = as
	t.Cleanup(func() { asUser = nil })
	if as != nil {
		if err := os.Mkdir(state, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(state, int(as.Uid), int(as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	command := demo(t, state, panel)
	if as != nil {
		command.SysProcAttr = &syscall.SysProcAttr{Credential: as}
		command.Env = append(os.Environ(), "HOME="+state)
	}
	p := start(t, command)
	p.says("left4me runs.")
	link := regexp.MustCompile(`http://\S+/setup\?token=\S+`).FindString(p.text())
	if link == "" || !strings.Contains(get(t, link), "Make your account") {
		t.Errorf("no set-up link that works in:\n%s", p.text())
	}
	overlays := list[api.Overlay](t, state, "overlay", "list")
	for _, name := range []string{"cedapug_maps", "l4d2center_maps", "competitive_rework", "tickrate", "welcome", "workshop-demo"} {
		if !slices.ContainsFunc(overlays, func(o api.Overlay) bool { return o.Name == name && o.System }) {
			t.Errorf("no system-wide overlay %s", name)
		}
	}
	// The example scripts run unmodified in the sandbox, against stand-ins of their sites.
	for _, name := range []string{"cedapug_maps", "l4d2center_maps", "competitive_rework", "tickrate"} {
		cli(t, state, "overlay", "build", name)
		if built := one[api.Overlay](t, state, "overlay", "show", name); built.Files == 0 {
			t.Errorf("overlay %s is empty after its build", name)
		}
	}
	cli(t, state, "server", "start", "demo")
	server := one[api.Server](t, state, "server", "show", "demo")
	if server.State != "running" || server.Live == nil || server.Live.Map != "c1m1_hotel" {
		t.Errorf("server = %+v", server)
	}
	// The game itself finds the campaign that the workshop overlay brought.
	if maps := cli(t, state, "server", "command", "demo", "maps *"); !strings.Contains(maps, "harbour_m1_docks.bsp") {
		t.Errorf("the game does not find the workshop's campaign:\n%s", maps)
	}
	playFixture(t, state)
	if status := cli(t, state, "server", "command", "demo", "status"); !strings.Contains(status, "map     : c1m1_hotel") {
		t.Errorf("status = %s", status)
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if !p.endsWithin(60*time.Second) || p.err != nil {
		t.Fatalf("the demo did not end well: %v\n%s", p.err, p.text())
	}
	if left := mounts(t, state); len(left) != 0 {
		t.Errorf("mounts are left:\n%s", strings.Join(left, "\n"))
	}
	if left := processes(t); len(left) != 0 {
		t.Errorf("processes are left:\n%s", strings.Join(left, "\n"))
	}
	if sockets, _ := filepath.Glob(filepath.Join(state, "run", "*")); len(sockets) != 0 {
		t.Errorf("sockets are left: %v", sockets)
	}
}

// A demo that is killed takes everything with it, and the next one repairs the state.
func TestDemoKilled(t *testing.T) {
	state, panel := filepath.Join(openDir(t), "s"), freeAddress(t)
	p := start(t, demo(t, state, panel))
	p.says("left4me runs.")
	cli(t, state, "server", "start", "demo")
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	eventually(t, "nothing of the demo runs any more", func() bool { return len(processes(t)) == 0 })
	if left := mounts(t, state); len(left) != 0 {
		t.Errorf("mounts are left:\n%s", strings.Join(left, "\n"))
	}
	again := start(t, demo(t, state, panel))
	again.says("left4me runs.")
	// The server was meant to run, so it does again.
	eventually(t, "the server runs again", func() bool {
		return one[api.Server](t, state, "server", "show", "demo").State == "running"
	})
}

func TestDemoSaysThatThePortIsTaken(t *testing.T) {
	state, panel := filepath.Join(openDir(t), "s"), freeAddress(t)
	holder := &http.Server{Addr: panel}
	go func() { _ = holder.ListenAndServe() }()
	defer holder.Close()
	eventually(t, "the port is taken", func() bool { _, err := http.Get("http://" + panel); return err == nil })
	output, err := demo(t, state, panel).CombinedOutput()
	if err == nil || !strings.Contains(string(output), "the port is taken") || !strings.Contains(string(output), "make run PANEL=") {
		t.Errorf("error = %v, output:\n%s", err, output)
	}
}

func get(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func one[T any](t *testing.T, state string, arguments ...string) T {
	t.Helper()
	var out T
	text := cli(t, state, append(arguments, "--format", "json")...)
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("left4me %s: %v in %s", strings.Join(arguments, " "), err, text)
	}
	return out
}

func list[T any](t *testing.T, state string, arguments ...string) []T {
	t.Helper()
	return one[[]T](t, state, arguments...)
}

// playFixture brings a VPK from a file to the game: published on the stand-in of the workshop, built as an overlay, put on
// top of the blueprint, taken up at a restart, and in the add-on list that the game wrote.
func playFixture(t *testing.T, state string) {
	t.Helper()
	said, err := os.ReadFile(filepath.Join(state, "log", "steam-standin.log"))
	if err != nil {
		t.Fatal(err)
	}
	steam := regexp.MustCompile(`http://\S+`).FindAllString(string(said), -1)
	file, err := filepath.Abs(filepath.Join(root, "sdk", "format", "vpk", "testdata", "campaign.v1.vpk"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// Where the stand-in, an ordinary user in one of the tests, can read it.
	file = filepath.Join(openDir(t), "campaign.vpk")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	item, err := json.Marshal(map[string]string{"id": "3900009001", "title": "My Campaign!", "file": file})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest(http.MethodPut, steam[len(steam)-1]+"/_standin/item", strings.NewReader(string(item)))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil || response.StatusCode >= 300 {
		t.Fatalf("publish: %v, %v", response, err)
	}
	_ = response.Body.Close()
	cli(t, state, "overlay", "create", "fixture", "--type", "overlay-workshop", "--settings", `{"items":["3900009001"]}`, "--build")
	cli(t, state, "blueprint", "set", "demo", "--overlay", "fixture", "--overlay", "welcome", "--overlay", "workshop-demo")
	cli(t, state, "server", "restart", "demo")
	if maps := cli(t, state, "server", "command", "demo", "maps *"); !strings.Contains(maps, "mycamp_m1_street.bsp") {
		t.Errorf("the game does not find the fixture's campaign:\n%s", maps)
	}
	lists, err := filepath.Glob(filepath.Join(state, "content", "servers", "*", "upper", "left4dead2", "addonlist.txt"))
	if err != nil || len(lists) != 1 {
		t.Fatalf("add-on lists: %v, %v", lists, err)
	}
	if list, err := os.ReadFile(lists[0]); err != nil || !strings.Contains(string(list), `"3900009001.vpk"`) {
		t.Errorf("the game's add-on list is %s, %v", list, err)
	}
}
