package plugindev_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/plugindev"
	"github.com/left4me/left4me/sdk/sdktest"
)

const examples = "../../../examples/"

// python is Debian's, which has grpcio.
const python = "/usr/bin/python3"

func TestExamplesPassVerify(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds two modules")
	}
	t.Run("plugin-hello", func(t *testing.T) {
		count(t, passes(t, built(t, "plugin-hello"), plugindev.VerifyOptions{}))
	})
	t.Run("overlay-http", func(t *testing.T) {
		site := newSite(t)
		count(t, passes(t, built(t, "overlay-http"), plugindev.VerifyOptions{
			Settings: json.RawMessage(`{"allow_local": true}`), Overlay: site("a"), Changed: site("b"), Endless: site("endless"),
		}))
	})
	t.Run("overlay-python", func(t *testing.T) {
		needPython(t)
		program, err := filepath.Abs(examples + "overlay-python/overlay_python.py")
		if err != nil {
			t.Fatal(err)
		}
		count(t, passes(t, plugindev.Program{Command: []string{program}, Env: []string{"PYTHONDONTWRITEBYTECODE=1"}}, plugindev.VerifyOptions{
			Endless: json.RawMessage(`{"maps": ["a", "b"], "pause_ms": 600000}`),
		}))
	})
}

func count(t *testing.T, all []sdktest.Outcome) {
	t.Helper()
	by := map[sdktest.Status]int{}
	for _, o := range all {
		by[o.Status]++
	}
	t.Logf("%v", by)
}

// built builds an example as its reader would.
func built(t *testing.T, name string) plugindev.Program {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	cmd.Dir, cmd.Env = examples+name, append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return plugindev.Program{Command: []string{program}}
}

// newSite serves archives and returns what makes the settings of an overlay of one.
func newSite(t *testing.T) func(name string) json.RawMessage {
	t.Helper()
	archive := func(name string) []byte {
		var out bytes.Buffer
		w := zip.NewWriter(&out)
		f, err := w.Create("addons/" + name)
		if err == nil {
			_, err = f.Write([]byte(name))
		}
		if err != nil || w.Close() != nil {
			t.Error(err)
		}
		return out.Bytes()
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/endless.zip" {
			_, _ = w.Write(archive(r.URL.Path[1:2]))
			return
		}
		w.Header().Set("Content-Length", "1000000")
		_, _ = w.Write(make([]byte, 1000))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	return func(name string) json.RawMessage {
		return json.RawMessage(fmt.Sprintf(`{"url": "%s/%s.zip", "sha256": "%x"}`, server.URL, name, sha256.Sum256(archive(name))))
	}
}

func needPython(t *testing.T) {
	t.Helper()
	if err := exec.CommandContext(t.Context(), python, "-c", "import grpc, google.protobuf").Run(); err != nil {
		t.Skip("python3-grpcio and python3-protobuf are not installed; run: deploy/deps test")
	}
}

// TestPythonMessagesAreCurrent keeps the committed classes equal to the protos.
func TestPythonMessagesAreCurrent(t *testing.T) {
	if _, err := exec.LookPath("protoc"); err != nil {
		t.Skip("protoc is not installed; run: deploy/deps test")
	}
	made := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), examples+"overlay-python/generate", made).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"left4me/plugin/v1/plugin_pb2.py", "left4me/builder/v1/builder_pb2.py"} {
		want, err := os.ReadFile(filepath.Join(made, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(examples + "overlay-python/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not current; run: examples/overlay-python/generate\n%s", name, diff)
		}
	}
}
