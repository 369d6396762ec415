package plugindev_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/plugindev"
)

var update = flag.Bool("update", false, "write examples/plugin-hello anew")

const (
	sdkDir = "../../../sdk"
	hello  = "../../../examples/plugin-hello"
)

// TestHelloIsWhatNewWrites keeps the example and the templates equal.
func TestHelloIsWhatNewWrites(t *testing.T) {
	dir, err := filepath.Abs(hello)
	if err != nil {
		t.Fatal(err)
	}
	want, err := plugindev.Render(plugindev.NewOptions{
		Name: "hello", Kind: "builder", Module: "github.com/left4me/left4me/examples/plugin-hello", SDK: sdkDir,
	}, dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range want {
		path := filepath.Join(hello, name)
		if *update {
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(string(text), string(got)); diff != "" {
			t.Errorf("%s is not what \"plugin new\" writes; run: go test ./agent/internal/plugindev -update\n%s", path, diff)
		}
	}
	entries, err := os.ReadDir(hello)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if _, ok := want[entry.Name()]; !ok {
			t.Errorf("%s is nothing that \"plugin new\" writes", filepath.Join(hello, entry.Name()))
		}
	}
}

// TestNewPassesItsTests is a new user: outside of the workspace, with a checkout and nothing else.
func TestNewPassesItsTests(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds two modules")
	}
	for _, kind := range plugindev.Kinds() {
		t.Run(kind, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "mine")
			made, files, err := plugindev.New(plugindev.NewOptions{Name: "my-plugin", Kind: kind, Dir: dir, SDK: sdkDir})
			if err != nil {
				t.Fatal(err)
			}
			if made != dir || len(files) != 5 {
				t.Errorf("New wrote %q to %s", files, made)
			}
			for _, args := range [][]string{
				{"vet", "./..."}, {"test", "./..."}, {"build", "-o", "my-plugin", "."}, {"mod", "tidy", "-diff"},
			} {
				cmd := exec.CommandContext(t.Context(), "go", args...)
				cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
				}
			}
			list := exec.CommandContext(t.Context(), "gofmt", "-l", dir)
			if out, err := list.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("gofmt: %s (%v)", out, err)
			}
			passes(t, plugindev.Program{Command: []string{filepath.Join(dir, "my-plugin")}}, plugindev.VerifyOptions{})
		})
	}
}

func TestNewRefuses(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		options plugindev.NewOptions
		code    fault.Code
	}{
		"name": {plugindev.NewOptions{Name: "../x", Kind: "builder", SDK: sdkDir}, fault.Invalid},
		"kind": {plugindev.NewOptions{Name: "ab", Kind: "x", SDK: sdkDir}, fault.Invalid},
		"sdk":  {plugindev.NewOptions{Name: "ab", Kind: "builder", SDK: full}, fault.Invalid},
		"full": {plugindev.NewOptions{Name: "ab", Kind: "builder", SDK: sdkDir, Dir: full}, fault.Conflict},
	} {
		if _, _, err := plugindev.New(c.options); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if entries, err := os.ReadDir(full); err != nil || len(entries) != 1 {
		t.Errorf("a full directory was touched: %v (%v)", entries, err)
	}
}

func TestFindSDKFindsTheCheckout(t *testing.T) {
	dir, err := plugindev.FindSDK()
	if err != nil || filepath.Base(dir) != "sdk" {
		t.Errorf("%q, %v", dir, err)
	}
	t.Chdir("/")
	if _, err := plugindev.FindSDK(); !fault.Is(err, fault.NotFound) {
		t.Errorf("away from a checkout: %v", err)
	}
}
