package host_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/left4me/left4me/test/hostrig"
)

// treeDir is where a person has put the built tree.
const treeDir = "/root/left4me"

// buildTree builds the programs of this tree once and returns its directory.
var buildTree = sync.OnceValues(func() (string, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	command := exec.Command("make", "-s", "build")
	command.Dir = root
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make build: %w\n%s", err, out)
	}
	return root, nil
})

// bring puts the built tree on the host, as unpacking an archive would.
func bring(t *testing.T, h *hostrig.Host) {
	t.Helper()
	root, err := buildTree()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"bin", "deploy", "examples/script-overlays"} {
		h.Push(t, filepath.Join(root, dir), filepath.Join(treeDir, dir))
	}
}

// try runs a command and returns what it said, with its exit code.
func try(t *testing.T, h *hostrig.Host, argv ...string) (string, int) {
	t.Helper()
	result, err := h.Run(t.Context(), nil, argv...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(result.Stdout + result.Stderr), result.Code
}
