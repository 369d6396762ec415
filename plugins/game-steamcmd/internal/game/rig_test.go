package game_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/left4me/left4me/plugins/game-steamcmd/internal/game"
	"github.com/left4me/left4me/plugins/game-steamcmd/internal/standin"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

// standinProgram is compiled once for all tests: it is started hundreds of times, and must not be slowed down by the
// race detector.
var standinProgram = struct {
	once sync.Once
	dir  string
}{}

func TestMain(m *testing.M) {
	code := m.Run()
	if standinProgram.dir != "" {
		_ = os.RemoveAll(standinProgram.dir)
	}
	os.Exit(code)
}

func standinPath(t *testing.T) string {
	standinProgram.once.Do(func() {
		dir, err := os.MkdirTemp("", "steamcmd-standin")
		if err != nil {
			t.Fatal(err)
		}
		standinProgram.dir = dir
		compileTo(t, "../../cmd/steamcmd-standin", filepath.Join(dir, "steamcmd-standin"))
	})
	return filepath.Join(standinProgram.dir, "steamcmd-standin")
}

// rig is a plugin with a stand-in for steamcmd and for UpToDateCheck.
type rig struct {
	t        *testing.T
	dir      string
	world    standin.World
	check    string // what UpToDateCheck answers
	asked    []string
	url      string
	settings map[string]any
	builder  builder.Builder
}

func newRig(t *testing.T, change func(*rig)) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), check: `{"response":{"success":true,"up_to_date":true}}`,
		world:    standin.World{Build: 17033453, Version: "2.2.4.3"},
		settings: map[string]any{"retry_wait": "1ms", "reserve_bytes": 0, "update_bytes": 0, "first_bytes": 1}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.asked = append(r.asked, request.URL.RawQuery)
		fmt.Fprint(w, r.check)
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	r.world.Game = filepath.Join(r.dir, "game")
	for name, text := range map[string]string{"srcds_run": "#!/bin/sh\n", "srcds_linux": "ELF", "left4dead2/steam.inf": "PatchVersion=0\nappID=550\n",
		"left4dead2/maps/c1m1_hotel.bsp": "VBSP", "bin/engine_srv.so": "engine"} {
		r.write(filepath.Join("game", name), text, 0o755)
	}
	if change != nil {
		change(r)
	}
	r.publish()
	r.write("steamcmd.sh", fmt.Sprintf("#!/bin/sh\nexec %q --world %q \"$@\"\n", standinPath(t), filepath.Join(r.dir, "world.json")), 0o755)
	connection := sdktest.Serve(t, game.New())
	sdktest.Configure(t, connection, sdk.Settings{JSON: r.json(), CacheDir: filepath.Join(r.dir, "cache")})
	r.builder = builder.NewClient(connection)
	return r
}

func (r *rig) json() json.RawMessage {
	settings := maps.Clone(r.settings)
	settings["steamcmd"] = filepath.Join(r.dir, "steamcmd.sh")
	settings["check_url"] = r.url
	data, err := json.Marshal(settings)
	if err != nil {
		r.t.Fatal(err)
	}
	return data
}

// publish makes the world what Steam has.
func (r *rig) publish() {
	r.t.Helper()
	data, err := json.Marshal(r.world)
	if err != nil {
		r.t.Fatal(err)
	}
	r.write("world.json", string(data), 0o644)
}

func (r *rig) write(name, text string, mode os.FileMode) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		r.t.Fatal(err)
	}
}

// build builds into dir and returns what came out.
func (r *rig) build(dir string, previous map[string]string, settings string) (builder.Result, *sdktest.Recorder, error) {
	r.t.Helper()
	events := &sdktest.Recorder{}
	result, err := r.builder.Build(r.t.Context(), builder.Request{BuildID: "b", OverlayID: "installation", Settings: json.RawMessage(settings),
		OutputDir: dir, PreviousAnnotations: previous}, events)
	return result, events, err
}

// installed returns a tree with the game in it, as the mounter would show it to the next build, and what is known of it.
func (r *rig) installed() (string, builder.Result) {
	r.t.Helper()
	dir := r.t.TempDir()
	result, events, err := r.build(dir, nil, "{}")
	if err != nil {
		r.t.Fatalf("install: %v\n%v", err, events.Lines())
	}
	return dir, result
}

func text(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

// compile compiles a program of this module.
func compile(t testing.TB, pkg string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "program")
	compileTo(t, pkg, out)
	return out
}

func compileTo(t testing.TB, pkg, out string) {
	t.Helper()
	command := exec.Command("go", "build", "-o", out, pkg)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
}
