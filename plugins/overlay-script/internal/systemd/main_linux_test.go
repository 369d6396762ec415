package systemd_test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/left4me/left4me/plugins/overlay-script/internal/bubblewrap"
	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
	"github.com/left4me/left4me/plugins/overlay-script/internal/sandboxtest"
	"github.com/left4me/left4me/plugins/overlay-script/internal/systemd"
)

// These tests need a host on which the sandbox is installed, and run there as the plugin's user: package test/host of
// the root module boots one and runs them in it.

// builds is where the unit finds staging trees.
const builds = "/var/lib/left4me/content/builds"

func TestMain(m *testing.M) {
	bubblewrap.MaybeChild()
	sandboxtest.Hold(func() (sandbox.Sandbox, error) { return systemd.New(config(sandboxtest.Options{})) })
	os.Exit(m.Run())
}

func config(o sandboxtest.Options) systemd.Config {
	out := systemd.Config{Network: sandbox.NetworkFiltered, Resolvers: []netip.Addr{netip.MustParseAddr("1.1.1.1")}}
	if o.Network != "" {
		out.Network = o.Network
	}
	return out
}

func needHost(t testing.TB) {
	t.Helper()
	if os.Getenv("LEFT4ME_TEST_HOST") == "" {
		t.Skip("needs a host with the sandbox installed: test/host of the root module runs this test in one")
	}
}

func backend() sandboxtest.Backend {
	return sandboxtest.Backend{
		New: func(t testing.TB, o sandboxtest.Options) sandbox.Sandbox {
			needHost(t)
			s, err := systemd.New(config(o))
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		Tree: func(t testing.TB) (string, string) {
			needHost(t)
			id := fmt.Sprintf("test-%d-%d", os.Getpid(), time.Now().UnixNano())
			dir := filepath.Join(builds, id)
			tree := filepath.Join(dir, "tree")
			if err := os.MkdirAll(tree, 0o755); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			return id, tree
		},
		KernelMemory: func(report sandbox.Report) uint64 {
			limit, _ := strconv.ParseUint(report.Facts["memory_max_mib"], 10, 64)
			return limit << 20
		},
		Redo: 25, Step: 8000,
	}
}

func TestSandbox(t *testing.T) { sandboxtest.Run(t, backend()) }

// BenchmarkStart measures an empty script, from its start to its end.
func BenchmarkStart(b *testing.B) {
	needHost(b)
	command := func(argv ...string) func(*testing.B) {
		return func(b *testing.B) {
			for b.Loop() {
				if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, out)
				}
			}
		}
	}
	inBubblewrap := backend()
	inBubblewrap.New = func(t testing.TB, o sandboxtest.Options) sandbox.Sandbox {
		s, err := bubblewrap.New(bubblewrap.Config{Network: sandbox.NetworkFiltered, Cgroup: "none", Ports: o.Ports})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	b.Run("bash", command("/bin/bash", "-c", "true"))
	b.Run("systemd_run", command("systemd-run", "--no-ask-password", "--wait", "--pipe", "--quiet", "--collect", "/bin/bash", "-c", "true"))
	b.Run("sandbox_of_systemd", func(b *testing.B) { sandboxtest.Bench(b, backend()) })
	b.Run("sandbox_of_bubblewrap", func(b *testing.B) { sandboxtest.Bench(b, inBubblewrap) })
}
