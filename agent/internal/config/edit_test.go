package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/config"
)

const edited = `# our host
name = "alpha" # greek

plugin "motd" {
  kind    = "builder"
  enabled = false # not yet
  launch {
    mode    = "exec"
    command = ["/opt/motd-1", "--quiet"]
    # checked by hand
  }
  settings { words = 3 }
}
`

func openEdit(t *testing.T) (*config.Edit, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agent.hcl")
	if err := os.WriteFile(path, []byte(edited), 0o640); err != nil {
		t.Fatal(err)
	}
	e, err := config.OpenEdit(path)
	if err != nil {
		t.Fatal(err)
	}
	return e, path
}

func TestEditKeepsWhatPeopleWrote(t *testing.T) {
	e, path := openEdit(t)
	sum := "sha256:" + strings.Repeat("a", 64)
	if !e.SetEnabled("motd", true) || !e.SetProgram("motd", "/opt/motd-2", sum) || e.SetEnabled("nothing", true) || e.SetProgram("nothing", "/x", sum) {
		t.Error("a plugin was found that is not there, or the other way round")
	}
	e.AddPlugin(config.Plugin{Name: "http", Kind: "builder", Launch: config.Launch{Mode: "exec", Command: []string{"/opt/http"}, Checksum: sum}}, "http 1.0, installed by hand")
	backup, err := e.Save()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(edited, "enabled = false # not yet", "enabled = true # not yet", 1)
	want = strings.Replace(want, `    mode    = "exec"
    command = ["/opt/motd-1", "--quiet"]
    # checked by hand
`, `    mode    = "exec"
    command = ["/opt/motd-2", "--quiet"]
    # checked by hand
    checksum = "`+sum+`"
`, 1) + `
# http 1.0, installed by hand
plugin "http" {
  kind    = "builder"
  enabled = false
  launch {
    mode     = "exec"
    command  = ["/opt/http"]
    checksum = "` + sum + `"
  }
}
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if before, err := os.ReadFile(backup); err != nil || string(before) != edited {
		t.Errorf("backup: %q, %v", before, err)
	}
	for _, file := range []string{path, backup} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".left4me-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestEditRefuses(t *testing.T) {
	e, path := openEdit(t)
	e.AddPlugin(config.Plugin{Name: "motd", Kind: "builder", Launch: config.Launch{Mode: "exec", Command: []string{"/opt/x"}}}, "")
	if _, err := e.Save(); err == nil || !strings.Contains(err.Error(), "two plugins") {
		t.Errorf("a name that is taken: %v", err)
	}
	e, path2 := openEdit(t)
	e.SetEnabled("motd", true)
	if err := os.WriteFile(path2, []byte(edited+"# more\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Save(); err == nil || !strings.Contains(err.Error(), "somebody else") {
		t.Errorf("a file that changed: %v", err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != edited {
		t.Errorf("a refused change was written: %s, %v", data, err)
	}
	if _, err := config.OpenEdit(filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("an absent file was opened")
	}
}
