package config_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/left4me/left4me/agent/internal/config"
)

var update = flag.Bool("update", false, "write the golden files")

// TestMessages holds what a person reads about a wrong file. Each testdata/NAME.hcl has its messages in
// NAME.txt.
func TestMessages(t *testing.T) {
	files, err := filepath.Glob("testdata/*.hcl")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".hcl"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := config.Parse("agent.hcl", data)
			if err == nil {
				err = c.CheckHost()
			}
			if err == nil {
				t.Fatal("a file with problems was accepted")
			}
			compareGolden(t, strings.TrimSuffix(file, ".hcl")+".txt", err.Error()+"\n")
		})
	}
}

func compareGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("messages differ (-want +got):\n%s", diff)
	}
}

func TestExampleParses(t *testing.T) {
	c, err := config.Parse("example.hcl", config.Example())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Plugins) != 4 {
		t.Fatalf("%d plugins, want 4", len(c.Plugins))
	}
	workshop := c.Plugins[1]
	want := config.Plugin{
		Name: "overlay-workshop", Kind: "builder", Enabled: true,
		Launch: config.Launch{
			Mode:        config.LaunchExec,
			Command:     []string{"/usr/lib/left4me/plugins/overlay-workshop"},
			Checksum:    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			Environment: map[string]string{"HTTPS_PROXY": "http://proxy.example:3128"},
		},
		Settings: json.RawMessage(`{"attempts":5,"parallel_downloads":4}`),
		Secrets:  []config.Secret{{Name: "steam_key", File: "/etc/left4me/steam_key"}},
	}
	if diff := cmp.Diff(want, workshop); diff != "" {
		t.Errorf("overlay-workshop (-want +got):\n%s", diff)
	}
}

// TestExampleShowsDefaults keeps the comments of the example honest: uncommented optional values are
// the defaults.
func TestExampleShowsDefaults(t *testing.T) {
	c, err := config.Parse("example.hcl", config.Example())
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default(config.StateDir)
	c.Plugins, c.Installation.Source, c.Installation.Plugin, c.Listen.SocketGroup = nil, "", "", ""
	if diff := cmp.Diff(want, c, cmpopts.IgnoreUnexported(config.Config{})); diff != "" {
		t.Errorf("the example differs from the defaults (-default +example):\n%s", diff)
	}
}

// TestExampleNamesEveryKey fails when a key is added without being documented.
func TestExampleNamesEveryKey(t *testing.T) {
	_, err := config.Parse("x", []byte(`
x = 1
listen { x = 1 }
plugin "xx" {
  x = 1
  launch { x = 1 }
  secret "xx" { x = 1 }
}
servers { x = 1 }
overlays { x = 1 }
installation { x = 1 }
jobs { x = 1 }
log { x = 1 }
`))
	problems := config.Of(err)
	if len(problems) != 10 {
		t.Fatalf("%d problems:\n%v", len(problems), err)
	}
	for _, problem := range problems {
		list := strings.TrimSuffix(strings.TrimPrefix(problem.Hint, "There are: "), ".")
		for key := range strings.SplitSeq(list, ", ") {
			if !strings.Contains(string(config.Example()), key) {
				t.Errorf("the example does not show %q", key)
			}
		}
	}
}

func TestDefaultIsValid(t *testing.T) {
	for _, dir := range []string{config.StateDir, "/home/x/.left4me"} {
		if err := config.Default(dir).Validate(); err != nil {
			t.Error(err)
		}
	}
	if got := config.Default(config.StateDir).Listen.Socket; got != "/run/left4me/agent.sock" {
		t.Errorf("packaged socket is %s", got)
	}
	if got := config.Default("/home/x/.left4me").Listen.Socket; got != "/home/x/.left4me/run/agent.sock" {
		t.Errorf("private socket is %s", got)
	}
}

func TestEmptyFileIsTheDefault(t *testing.T) {
	c, err := config.Parse("empty.hcl", nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Default(config.StateDir), c, cmpopts.IgnoreUnexported(config.Config{})); diff != "" {
		t.Error(diff)
	}
}

func TestDirsMoveTheSocket(t *testing.T) {
	c, err := config.Parse("x.hcl", []byte("state_dir = \"/srv/x\"\nruntime_dir = \"/run/x\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen.Socket != "/run/x/agent.sock" || c.StateDir != "/srv/x" {
		t.Errorf("socket %s, state %s", c.Listen.Socket, c.StateDir)
	}
}

func TestSettingsBecomeJSON(t *testing.T) {
	c, err := config.Parse("x.hcl", []byte(`
plugin "overlay-x" {
  kind = "builder"
  launch {
    mode    = "exec"
    command = ["/bin/true"]
  }
  settings {
    text   = "ä \"q\""
    whole  = 12345678901234567890
    part   = 0.5
    flag   = true
    none   = null
    list   = [1, "two", { three = 3 }]
    object = { a = { b = [] } }
    doc    = <<-END
      one
        two
    END
    one {
      deep { x = 1 }
    }
    site "a" { url = "https://a.example" }
    site "b" "c" { url = "https://b.example" }
    math   = 2 * 3
  }
}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"doc":"one\n  two\n","flag":true,"list":[1,"two",{"three":3}],"math":6,"none":null,` +
		`"object":{"a":{"b":[]}},"one":{"deep":{"x":1}},"part":0.5,` +
		`"site":{"a":{"url":"https://a.example"},"b":{"c":{"url":"https://b.example"}}},` +
		`"text":"ä \"q\"","whole":12345678901234567890}`
	if diff := cmp.Diff(want, string(c.Plugins[0].Settings)); diff != "" {
		t.Error(diff)
	}
}

func TestDurationsAndPorts(t *testing.T) {
	c, err := config.Parse("x.hcl", []byte(`
servers {
  port_range   = "27015"
  stop_timeout = "1m30s"
}
jobs { retention = "2d" }
`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Servers.StopTimeout != 90*time.Second || c.Jobs.Retention != 48*time.Hour {
		t.Errorf("stop_timeout %v, retention %v", c.Servers.StopTimeout, c.Jobs.Retention)
	}
	if c.Servers.Ports != (config.Ports{First: 27015, Last: 27015}) || !c.Servers.Ports.Contains(27015) || c.Servers.Ports.Contains(27016) {
		t.Errorf("ports %v", c.Servers.Ports)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "agent.hcl")
	if err := os.WriteFile(file, []byte(`nme = "x"`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(file)
	if want := fmt.Sprintf(`%s:1: There is no key "nme" here. Did you mean "name"?`, file); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s…", err, want)
	}
	if _, err := config.Load(filepath.Join(dir, "absent.hcl")); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("absent file: %v", err)
	}
	if _, err := config.Load(dir); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("directory: %v", err)
	}
}

// TestHugeNumber tells the story of 1e10000000, which took 15 seconds to write out in full.
func TestHugeNumber(t *testing.T) {
	_, err := config.Parse("x.hcl", []byte(`
plugin "overlay-x" {
  kind = "builder"
  launch {
    mode    = "exec"
    command = ["/bin/true"]
  }
  settings { x = [1e10000000] }
}
`))
	if err == nil || !strings.Contains(err.Error(), "cannot be written as JSON") {
		t.Errorf("got %v", err)
	}
}

func TestRedacted(t *testing.T) {
	c, err := config.Parse("x.hcl", []byte(`
plugin "overlay-x" {
  kind = "builder"
  launch {
    mode        = "exec"
    command     = ["/bin/true"]
    environment = { API_TOKEN = "hunter2", LANG = "C" }
  }
  settings {
    api_key = "hunter2"
    sites   = [{ password = "hunter2", name = "a" }]
    login { client_secret = "hunter2" }
  }
}
`))
	if err != nil {
		t.Fatal(err)
	}
	shown, err := json.Marshal(c.Redacted())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(shown), "hunter2") || !strings.Contains(string(shown), `"name":"a"`) {
		t.Errorf("redacted: %s", shown)
	}
	if got := string(c.Plugins[0].Settings); !strings.Contains(got, "hunter2") {
		t.Errorf("the original was changed: %s", got)
	}
	if c.Plugins[0].Launch.Environment["API_TOKEN"] != "hunter2" {
		t.Error("the original environment was changed")
	}
}

func TestErrorsAreProblems(t *testing.T) {
	_, err := config.Parse("x.hcl", []byte("a = 1\nb = 2\n"))
	problems, ok := errors.AsType[config.Problems](err)
	if !ok || len(problems) != 2 || problems[0].Line != 1 || problems[1].Line != 2 || problems[1].File != "x.hcl" {
		t.Errorf("%#v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(config.Example())
	f.Add([]byte(`plugin "a" "b" { settings { x { } x = 1 } }`))
	f.Add([]byte(`servers { port_range = "9-1" stop_timeout = "-1d" }`))
	f.Add([]byte("log = {}\nlisten { socket_mode = 7 }"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("fuzz.hcl", data)
		if (c == nil) == (err == nil) {
			t.Fatalf("config %v and error %v", c, err)
		}
		if err != nil {
			if len(config.Of(err)) == 0 || err.Error() == "" {
				t.Fatal("an error without a problem")
			}
			return
		}
		for _, p := range c.Plugins {
			if !json.Valid(p.Settings) {
				t.Fatalf("settings are no JSON: %s", p.Settings)
			}
		}
		c.Redacted()
	})
}
