package bubblewrap_test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/plugins/overlay-script/internal/bubblewrap"
	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
	"github.com/left4me/left4me/plugins/overlay-script/internal/sandboxtest"
)

// scriptUser is whom scripts run as when the tests run as root.
const scriptUser = 64001

func TestMain(m *testing.M) {
	bubblewrap.MaybeChild()
	sandboxtest.Hold(func() (sandbox.Sandbox, error) {
		return bubblewrap.New(config(sandboxtest.Options{Ports: []uint16{80}}))
	})
	if os.Getenv("LEFT4ME_TEST_ROLE") == "internet" {
		serveInternet()
		return
	}
	os.Exit(m.Run())
}

func config(o sandboxtest.Options) bubblewrap.Config {
	out := bubblewrap.Config{
		User: scriptUser, Group: scriptUser, Network: sandbox.NetworkFiltered, Cgroup: "auto",
		Ports: o.Ports, Resolvers: []netip.Addr{netip.MustParseAddr("1.1.1.1")},
	}
	if o.Network != "" {
		out.Network = o.Network
	}
	return out
}

func newSandbox(t testing.TB, config bubblewrap.Config) *bubblewrap.Sandbox {
	t.Helper()
	if _, err := exec.LookPath("bwrap"); err != nil {
		t.Skip("bubblewrap is not installed: apt-get install bubblewrap")
	}
	s, err := bubblewrap.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newTree makes a directory that the script's user owns and can reach.
func newTree(t testing.TB) string {
	t.Helper()
	tree := t.TempDir()
	if os.Geteuid() == 0 {
		if err := os.Chmod(filepath.Dir(tree), 0o711); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(tree, scriptUser, scriptUser); err != nil && !os.IsPermission(err) && !strings.Contains(err.Error(), "invalid argument") {
			t.Fatal(err)
		}
	}
	return tree
}

func backend() sandboxtest.Backend {
	return sandboxtest.Backend{
		New: func(t testing.TB, o sandboxtest.Options) sandbox.Sandbox { return newSandbox(t, config(o)) },
		Tree: func(t testing.TB) (string, string) {
			return fmt.Sprintf("test-%d-%d", os.Getpid(), time.Now().UnixNano()), newTree(t)
		},
		User: scriptUser,
		KernelMemory: func(report sandbox.Report) uint64 {
			if report.Facts["cgroup"] != "yes" {
				return 0
			}
			return 64 << 20
		},
		Redo: 100, Step: 400,
	}
}

// Shows S9, S10 and S11.
func TestSandbox(t *testing.T) { sandboxtest.Run(t, backend()) }

// BenchmarkRun against BenchmarkBash is what the sandbox costs.
func BenchmarkRun(b *testing.B) { sandboxtest.Bench(b, backend()) }

func BenchmarkBash(b *testing.B) {
	for b.Loop() {
		if err := exec.Command("/bin/bash", "-c", "true").Run(); err != nil {
			b.Fatal(err)
		}
	}
}
