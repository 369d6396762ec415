package docgen_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/config"
	"github.com/left4me/left4me/agent/internal/docgen"
	"github.com/left4me/left4me/agent/internal/plugindev"
	"github.com/left4me/left4me/sdk"
)

// root is the checkout as seen from here.
const root = "../../../"

// TestReferenceOfPlugins lets every plugin and example of the checkout describe itself, and holds the pages about them against
// that. A setting that says too little about itself is a mistake of the plugin.
func TestReferenceOfPlugins(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds all plugins")
	}
	all := described(t)
	if len(all) < 7 {
		t.Fatalf("only %d plugins", len(all))
	}
	want, err := docgen.Plugins(all)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(reference, "plugins")
	if *update {
		write(t, inDirectory("plugins", want))
	}
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Errorf("%v; run: make generate", err)
			continue
		}
		if string(got) != text {
			t.Errorf("docs/reference/plugins/%s is not current; run: make generate\n%s", name, cmp.Diff(string(got), text))
		}
	}
	t.Run("configurations", func(t *testing.T) { fit(t, all) })
	pages, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if want[page.Name()] == "" {
			t.Errorf("docs/reference/plugins/%s is of a plugin that is gone; remove it", page.Name())
		}
	}
}

// fit holds the settings in the configurations that we hand out against the schemas of the plugins.
func fit(t *testing.T, all []docgen.Plugin) {
	t.Helper()
	installed, err := os.ReadFile(root + "deploy/config/agent.hcl")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for name, data := range map[string][]byte{"config example": config.Example(), "deploy/config/agent.hcl": installed} {
		read, err := config.Parse(name, data)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range read.Plugins {
			i := slices.IndexFunc(all, func(known docgen.Plugin) bool { return known.Description.Name == p.Name })
			if i < 0 {
				t.Errorf("%s: there is no plugin %s", name, p.Name)
				continue
			}
			schema, err := sdk.ParseSchema(all[i].Description.PluginSchema)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range schema.Check(p.Settings) {
				t.Errorf("%s: %s: %s %s", name, p.Name, found.Pointer, found.Summary)
			}
			seen++
		}
	}
	if seen < 6 {
		t.Errorf("only %d blocks", seen)
	}
}

func inDirectory(dir string, files map[string]string) map[string]string {
	out := map[string]string{}
	for name, text := range files {
		out[filepath.Join(dir, name)] = text
	}
	return out
}

// described are all plugins of the checkout: every module with a main package that has the sdk for its only requirement of ours,
// and the one that is not written in Go.
func described(t *testing.T) []docgen.Plugin {
	t.Helper()
	var modules []string
	for _, pattern := range []string{"plugins/*/go.mod", "examples/*/go.mod"} {
		found, err := filepath.Glob(root + pattern)
		if err != nil {
			t.Fatal(err)
		}
		modules = append(modules, found...)
	}
	slices.Sort(modules)
	var out []docgen.Plugin
	for _, module := range modules {
		dir := filepath.Dir(module)
		program := filepath.Join(t.TempDir(), filepath.Base(dir))
		build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", program, ".")
		build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
		if text, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", dir, err, text)
		}
		out = append(out, docgen.Plugin{Source: strings.TrimPrefix(dir, root), Description: describe(t, program)})
	}
	python, err := filepath.Abs(root + "examples/overlay-python/overlay_python.py")
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", "import grpc, google.protobuf").Run(); err != nil {
		t.Skip("python3-grpcio and python3-protobuf are not installed; run: deploy/deps test")
	}
	return append(out, docgen.Plugin{Source: "examples/overlay-python", Description: describe(t, python, "PYTHONDONTWRITEBYTECODE=1")})
}

func describe(t *testing.T, program string, env ...string) sdk.Description {
	t.Helper()
	d, err := plugindev.Program{Command: []string{program}, Env: env}.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestSettingsSayWhatTheyAre refuses a setting without a word about itself, or without a default, an example or the word required.
func TestSettingsSayWhatTheyAre(t *testing.T) {
	for schema, says := range map[string]string{
		`{"type":"object","properties":{"a":{"type":"string","default":"x"}}}`:                                          "no description",
		`{"type":"object","properties":{"a":{"type":"string","description":"b"}}}`:                                      "neither",
		`{"type":"object","properties":{"a":{"type":"integer","description":"b","default":"x","maximum":1}}}`:           "do not fit",
		`{"type":"object","properties":{"a":{"type":"integer","description":"b","maximum":1,"examples":[2]}}}`:          "do not fit",
		`{"type":"object","required":["a"],"properties":{"a":{"type":"string","description":"b","examples":["fine"]}}}`: "",
	} {
		_, err := docgen.Plugins([]docgen.Plugin{{Source: "x", Description: sdk.Description{Name: "x", Kind: sdk.KindMounter, PluginSchema: []byte(schema)}}})
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v", schema, err)
		}
	}
}
