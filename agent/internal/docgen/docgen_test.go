package docgen_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/internal/cli"
	"github.com/left4me/left4me/agent/internal/config"
	"github.com/left4me/left4me/agent/internal/docgen"
)

var update = flag.Bool("update", false, "write the files anew")

// reference is docs/reference as seen from here.
const reference = "../../../docs/reference"

// TestReference holds what is written against what the code says.
func TestReference(t *testing.T) {
	want := map[string]string{"errors.md": docgen.Errors(), "plugin-checks.md": docgen.Checks(), "plugin-messages.md": docgen.Messages(), "openapi.json": string(agenttest.New(t).Document()),
		"agent.hcl": string(config.Example())}
	for name, text := range docgen.CommandLine(cli.Root()) {
		want[filepath.Join("cli", name)] = text
	}
	if *update {
		write(t, want)
	}
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(reference, name))
		if err != nil {
			t.Errorf("%v; run: make generate", err)
			continue
		}
		if string(got) != text {
			t.Errorf("docs/reference/%s is not current; run: make generate\n%s", name, cmp.Diff(string(got), text))
		}
	}
	pages, err := filepath.Glob(filepath.Join(reference, "cli", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if name := filepath.Join("cli", filepath.Base(page)); want[name] == "" {
			t.Errorf("docs/reference/%s is of a command that is gone; remove it", name)
		}
	}
}

func write(t *testing.T, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(reference, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOpenAPI checks the description against the rules that readers of it rely on.
func TestOpenAPI(t *testing.T) {
	var document struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Summary     string
			Responses   map[string]any
			Security    []any
		}
		Components struct{ Schemas map[string]any }
	}
	data := agenttest.New(t).Document()
	if err := json.Unmarshal(data, &document); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for path, methods := range document.Paths {
		for method, operation := range methods {
			if operation.OperationID == "" || seen[operation.OperationID] || !strings.HasSuffix(operation.Summary, ".") || len(operation.Responses) != 2 {
				t.Errorf("%s %s: %+v", method, path, operation)
			}
			seen[operation.OperationID] = true
		}
	}
	if document.OpenAPI != "3.1.0" || len(seen) < 40 || document.Components.Schemas["Server"] == nil {
		t.Errorf("OpenAPI %s, %d operations, %d schemas", document.OpenAPI, len(seen), len(document.Components.Schemas))
	}
	for _, reference := range strings.Split(string(data), `"$ref": "#/components/schemas/`)[1:] {
		if name, _, _ := strings.Cut(reference, `"`); document.Components.Schemas[name] == nil {
			t.Errorf("the schema %s is missing", name)
		}
	}
}
