package provision_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/provision"
)

// tree makes a built tree with the repository's own deploy and examples, and a text for each program.
func tree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"deploy", "examples"} {
		if err := os.CopyFS(filepath.Join(root, dir), os.DirFS(filepath.Join("../../..", dir))); err != nil {
			t.Fatal(err)
		}
	}
	for _, program := range []string{"left4me", "left4me-web", "mounter-kernel", "overlay-script", "overlay-workshop", "demo-game"} {
		write(t, filepath.Join(root, "bin", program), "program "+program)
	}
	return root
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func stage(t *testing.T, from, root string) provision.Report {
	t.Helper()
	report, err := provision.Run(t.Context(), provision.Options{From: from, Root: root})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestStageInstallsEveryFileOnce(t *testing.T) {
	from, root := tree(t), t.TempDir()
	first := stage(t, from, root)
	for _, want := range []string{
		"/usr/bin/left4me", "/usr/lib/left4me/plugins/mounter-kernel", "/usr/lib/systemd/system/left4me-agent.service",
		"/usr/lib/systemd/system/left4me-plugin-mounter-kernel@.service", "/usr/lib/sysusers.d/left4me.conf",
		"/usr/share/left4me/defaults/agent.hcl", "/usr/share/left4me/script-overlays/tickrate",
	} {
		if _, err := os.Stat(filepath.Join(root, want)); err != nil {
			t.Errorf("%v", err)
		}
	}
	if len(first.Changed) < 20 {
		t.Errorf("only %d files: %v", len(first.Changed), first.Changed)
	}
	if second := stage(t, from, root); len(second.Changed) != 0 {
		t.Errorf("a second run changes %v", second.Changed)
	}
	info, err := os.Stat(filepath.Join(root, "usr/bin/left4me"))
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// Archives packed on another system carried "._0001_initial.sql" beside each file; they were taken for migrations.
func TestS01LeftoversOfOtherSystemsStayOut(t *testing.T) {
	from, root := tree(t), t.TempDir()
	for _, name := range []string{
		"deploy/systemd/._left4me-agent.service", "deploy/systemd/.DS_Store", "deploy/systemd/left4me-agent.service~",
		"deploy/polkit-1/rules.d/._50-left4me.rules", "examples/script-overlays/._tickrate", "deploy/tmpfiles.d/#left4me.conf#",
	} {
		write(t, filepath.Join(from, name), "rubbish")
	}
	for _, changed := range stage(t, from, root).Changed {
		if name := filepath.Base(changed); strings.HasPrefix(name, ".") || strings.ContainsAny(name, "~#") {
			t.Errorf("installed %s", changed)
		}
	}
}

func TestStageNamesWhatIsMissing(t *testing.T) {
	_, err := provision.Run(t.Context(), provision.Options{From: t.TempDir(), Root: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "not a built tree") {
		t.Errorf("%v", err)
	}
}

// Whoever reads a unit wants to know of each line why it is there.
func TestEveryLineOfAUnitIsCommented(t *testing.T) {
	units, err := filepath.Glob("../../../deploy/systemd/*.*[a-z]")
	dropIns, errDropIns := filepath.Glob("../../../deploy/systemd/*.d/*.conf")
	if units = slices.DeleteFunc(units, func(unit string) bool { return filepath.Ext(unit) == ".d" }); err != nil || errDropIns != nil || len(units) < 10 {
		t.Fatalf("%d units, %v %v", len(units), err, errDropIns)
	}
	units = append(units, dropIns...)
	for _, unit := range units {
		data, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		var before, key string
		for line := range strings.Lines(string(data)) {
			line = strings.TrimSpace(line)
			last := key
			key, _, _ = strings.Cut(line, "=")
			continued := key == last && strings.HasPrefix(before, key+"=")
			if strings.Contains(line, "=") && !strings.HasPrefix(line, "#") && !strings.HasPrefix(before, "#") && !continued {
				t.Errorf("%s: %s has no comment above it", filepath.Base(unit), line)
			}
			before = line
		}
	}
}

// The mounter's mounts are seen by nobody when its unit has any of these; see systemd.exec(5), "Sandboxing".
func TestS04MounterUnitHasNoMountNamespace(t *testing.T) {
	data, err := os.ReadFile("../../../deploy/systemd/left4me-plugin-mounter-kernel@.service")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		key, _, found := strings.Cut(line, "=")
		if !found || strings.HasPrefix(line, "#") {
			continue
		}
		switch key {
		case "PrivateTmp", "ProtectSystem", "ProtectHome", "PrivateDevices", "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs",
			"ProtectControlGroups", "ProtectProc", "ProcSubset", "PrivateIPC", "PrivateMounts", "PrivateUsers", "DynamicUser", "ReadWritePaths",
			"ReadOnlyPaths", "InaccessiblePaths", "ExecPaths", "NoExecPaths", "TemporaryFileSystem", "BindPaths", "BindReadOnlyPaths", "MountFlags",
			"RootDirectory", "RootImage", "MountImages", "ExtensionImages", "MountAPIVFS", "StateDirectory", "LogNamespace", "PrivateNetwork":
			t.Errorf("%s gives the mounter a mount namespace", strings.TrimSpace(line))
		}
	}
}

func TestConfigIsTheDefaultsWithASystemdHost(t *testing.T) {
	cfg, err := os.ReadFile("../../../deploy/config/agent.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`state_dir   = "/var/lib/left4me/agent"`, `supervisor   = "systemd"`, `mode   = "socket"`} {
		if !strings.Contains(string(cfg), want) {
			t.Errorf("no %s in %s", want, cmp.Diff("", string(cfg)))
		}
	}
}
