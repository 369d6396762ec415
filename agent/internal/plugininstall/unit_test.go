package plugininstall_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/plugininstall"
)

const (
	units     = "usr/lib/systemd/system"
	socket    = "/run/left4me/mounter-kernel.sock"
	service   = "left4me-plugin-mounter-kernel@.service"
	overrides = "etc/systemd/system/" + service + ".d"
	other     = "/usr/local/lib/left4me/plugins/mounter-other-0123456789ab"
)

// host is a root directory with the units that we deliver.
func host(t *testing.T) plugininstall.Systemd {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, units), 0o755); err != nil {
		t.Fatal(err)
	}
	delivered, err := filepath.Glob("../../../deploy/systemd/left4me-plugin-*")
	if err != nil || len(delivered) < 8 {
		t.Fatal(delivered, err)
	}
	for _, file := range delivered {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		put(t, root, filepath.Join(units, filepath.Base(file)), string(data))
	}
	return plugininstall.Systemd{Root: root}
}

func put(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, s plugininstall.Systemd) plugininstall.Unit {
	t.Helper()
	unit, err := s.Find(socket)
	if err != nil {
		t.Fatal(err)
	}
	return unit
}

func TestFindReadsTheUnitsThatWeDeliver(t *testing.T) {
	s := host(t)
	unit := find(t, s)
	wanted := []string{"CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_CHOWN", "CAP_FOWNER", "CAP_SETUID", "CAP_SETGID"}
	if unit.Service != service || unit.Program != "/usr/lib/left4me/plugins/mounter-kernel" || unit.User != "left4me-mounter" ||
		unit.Arguments != "--config /etc/left4me/mounter-kernel.json" || !slices.Equal(unit.Capabilities, wanted) {
		t.Errorf("%+v", unit)
	}
	for _, name := range []string{"overlay-script", "overlay-workshop", "game-steamcmd"} {
		unit, err := s.Find("/run/left4me/" + name + ".sock")
		if err != nil || unit.Program != "/usr/lib/left4me/plugins/"+name || len(unit.Capabilities) > 0 {
			t.Errorf("%s: %+v, %v", name, unit, err)
		}
	}
	if _, err := s.Find("/run/left4me/nothing.sock"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a socket of nobody: %v", err)
	}
}

func TestFindReadsDropIns(t *testing.T) {
	s := host(t)
	put(t, s.Root, overrides+"/50-own.conf", "; ours\n[Service]\nUser=root\nExecStart=\nExecStart=-!/opt/own \\\n # a word in between\n  --flag\nCapabilityBoundingSet=\nCapabilityBoundingSet=CAP_A CAP_B\nCapabilityBoundingSet=~CAP_A\n")
	put(t, s.Root, "run/systemd/system/"+service+".d/50-own.conf", "[Service]\nExecStart=\nExecStart=/opt/hidden\n")
	unit := find(t, s)
	if unit.Program != "/opt/own" || unit.Arguments != "--flag" || unit.User != "root" || !slices.Equal(unit.Capabilities, []string{"CAP_B"}) {
		t.Errorf("%+v", unit)
	}
	for _, strange := range []string{"ExecStart=/bin/second", "ExecStart=\nExecStart=@/bin/a b", "ExecStart=\nExecStart=%h/x", "ExecStart=\nExecStart=relative"} {
		put(t, s.Root, overrides+"/60-strange.conf", "[Service]\n"+strange+"\n")
		if _, err := s.Find(socket); fault.CodeOf(err) != fault.Precondition {
			t.Errorf("%s: %v", strange, err)
		}
	}
}

func request() plugininstall.Request {
	return plugininstall.Request{Plugin: "mounter-kernel", Name: "mounter-other", Version: "2.0.0", Kind: "mounter", Program: other, Checksum: "sha256:0123",
		Wanted: []string{"CAP_SYS_ADMIN", "CAP_NET_ADMIN"}}
}

func TestSwapAndBack(t *testing.T) {
	s := host(t)
	plan, err := plugininstall.PlanSwap(find(t, s), request(), plugininstall.SwapOptions{Arguments: []string{"--root", `a "b" $c 100%`}, Grant: []string{"CAP_NET_ADMIN"}})
	if err != nil {
		t.Fatal(err)
	}
	want := `# Written by "left4me plugin swap": mounter-other 2.0.0 in the place of the unit's own program.
# To go back: left4me plugin swap mounter-kernel --back
[Service]
# sha256:0123
ExecStart=
ExecStart=` + other + ` "--root" "a \"b\" $$c 100%%"
# Given besides what the unit gives, because the plugin asks for it and the operator agreed.
AmbientCapabilities=CAP_NET_ADMIN
CapabilityBoundingSet=CAP_NET_ADMIN
`
	if diff := cmp.Diff(want, plan.Text); diff != "" || len(plan.Lacks) > 0 {
		t.Errorf("%s, lacks %q", diff, plan.Lacks)
	}
	if backup, err := s.Write(plan); err != nil || backup != "" {
		t.Fatal(backup, err)
	}
	swapped := find(t, s)
	if swapped.Program != other || swapped.User != "left4me-mounter" || !slices.Contains(swapped.Capabilities, "CAP_NET_ADMIN") || !slices.Contains(swapped.Capabilities, "CAP_FOWNER") {
		t.Errorf("%+v", swapped)
	}
	// A second swap keeps the first drop-in, and arguments only of the same plugin.
	again, err := plugininstall.PlanSwap(swapped, request(), plugininstall.SwapOptions{Same: true})
	if err != nil || !strings.HasSuffix(strings.Split(again.Text, "\n")[5], `"a \"b\" $$c 100%%"`) || len(again.Lacks) > 0 {
		t.Errorf("%s, %q, %v", again.Text, again.Lacks, err)
	}
	fresh, err := plugininstall.PlanSwap(swapped, request(), plugininstall.SwapOptions{})
	if err != nil || !strings.Contains(fresh.Text, "\nExecStart="+other+"\n") {
		t.Errorf("%s, %v", fresh.Text, err)
	}
	backup, err := s.Write(fresh)
	if kept, err2 := os.ReadFile(filepath.Join(s.Root, backup)); err != nil || err2 != nil || string(kept) != want {
		t.Errorf("%s, %v, %v", kept, err, err2)
	}
	back, err := s.Back(find(t, s))
	if err != nil || back.Program != "/usr/lib/left4me/plugins/mounter-kernel" {
		t.Errorf("%+v, %v", back, err)
	}
	if _, err := s.Back(back); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("back twice: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(s.Root, overrides, ".left4me-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestPlanSwapRefuses(t *testing.T) {
	s := host(t)
	unit := find(t, s)
	foreign := request()
	foreign.Program = "/opt/a b"
	for name, c := range map[string]struct {
		r plugininstall.Request
		o plugininstall.SwapOptions
	}{
		"a path with a space":      {foreign, plugininstall.SwapOptions{}},
		"what it does not ask for": {request(), plugininstall.SwapOptions{Grant: []string{"CAP_SYS_MODULE"}}},
		"a line into the drop-in":  {request(), plugininstall.SwapOptions{Grant: []string{"CAP_SYS_ADMIN\nUser=root"}}},
	} {
		if _, err := plugininstall.PlanSwap(unit, c.r, c.o); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	put(t, s.Root, overrides+"/99-last.conf", "[Service]\nExecStart=\nExecStart=/opt/last\n")
	_, err := plugininstall.PlanSwap(find(t, s), request(), plugininstall.SwapOptions{})
	if fault.CodeOf(err) != fault.Precondition || !strings.Contains(err.Error(), "99-last.conf") {
		t.Errorf("a drop-in that would win: %v", err)
	}
}

// TestWriteKeepsOthersOut: what a unit with privilege starts, nobody but root may change.
func TestWriteKeepsOthersOut(t *testing.T) {
	plugins := strings.TrimPrefix(filepath.Dir(other), "/")
	for name, spoil := range map[string]func(root string) error{
		"a directory that all may write": func(root string) error { return os.Chmod(filepath.Join(root, plugins), 0o777) },
		"a program that all may write":   func(root string) error { return os.Chmod(filepath.Join(root, other), 0o777) },
		"a directory that is closed":     func(root string) error { return os.Chmod(filepath.Join(root, plugins), 0o700) },
		"a link out of the root": func(root string) error {
			return errors.Join(os.RemoveAll(filepath.Join(root, "etc")), os.Symlink("/nowhere", filepath.Join(root, "etc")))
		},
		"a directory of another": func(root string) error {
			if os.Geteuid() != 0 {
				return os.Chmod(filepath.Join(root, plugins), 0o777) // stands for it: only root gives away
			}
			return os.Chown(filepath.Join(root, plugins), 65534, 65534)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := host(t)
			put(t, s.Root, other, "program")
			if err := os.Chmod(filepath.Join(s.Root, other), 0o755); err != nil {
				t.Fatal(err)
			}
			plan, err := plugininstall.PlanSwap(find(t, s), request(), plugininstall.SwapOptions{})
			if err == nil {
				err = spoil(s.Root)
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Write(plan); fault.CodeOf(err) != fault.Forbidden {
				t.Errorf("%v", err)
			}
			if _, err := os.Stat(filepath.Join(s.Root, plan.File)); err == nil {
				t.Error("it was written")
			}
		})
	}
}

func FuzzParseUnit(f *testing.F) {
	for _, file := range []string{"mounter-kernel@.service", "overlay-script@.service", "game-steamcmd.socket"} {
		data, err := os.ReadFile("../../../deploy/systemd/left4me-plugin-" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("[Service]\nExecStart=/bin/x \\\n# a\n\\\n\n[Service\n=\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, a := range plugininstall.ParseUnit(data) {
			for _, part := range a {
				if strings.ContainsAny(part, "\n") || part != strings.TrimSpace(part) || !utf8.ValidString(part) {
					t.Fatalf("%q", a)
				}
			}
			if strings.Contains(a[1], "=") {
				t.Fatalf("%q", a)
			}
		}
	})
}
