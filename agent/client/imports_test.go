package client_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestImports: the client is for programs that must not get the agent with it.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := "github.com/left4me/left4me/agent/api\ngithub.com/left4me/left4me/agent/client"
	if got := strings.TrimSpace(string(out)); got != want {
		t.Errorf("package client imports more than package api:\n%s", got)
	}
}
