package provision_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/provision"
)

// hostWith makes a root directory with our accounts, numbered as this process so that it may give files to them.
func hostWith(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	var passwd, group strings.Builder
	for _, name := range []string{"left4me", "left4me-web", "left4me-script", "left4me-game", "left4me-mounter", "left4me-build", "root"} {
		fmt.Fprintf(&passwd, "%s:x:%d:%d::/:/usr/sbin/nologin\n", name, os.Getuid(), os.Getgid())
		fmt.Fprintf(&group, "%s:x:%d:\n", name, os.Getgid())
	}
	write(t, filepath.Join(root, "etc/passwd"), passwd.String())
	write(t, filepath.Join(root, "etc/group"), group.String())
	write(t, filepath.Join(root, "usr/share/left4me/defaults/agent.hcl"), "first default")
	write(t, filepath.Join(root, "usr/share/left4me/defaults/web.env"), "web")
	if err := os.MkdirAll(filepath.Join(root, "var/lib/left4me"), 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

func configure(t *testing.T, root string) provision.Report {
	t.Helper()
	report, err := provision.Configure(root)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The predecessor wrote its settings once: no later version's settings ever reached a host.
func TestS16ConfigurationFollowsTheDefaultUntilItIsEdited(t *testing.T) {
	root := hostWith(t)
	def, file := filepath.Join(root, "usr/share/left4me/defaults/agent.hcl"), filepath.Join(root, "etc/left4me/agent.hcl")
	configure(t, root)
	if got := read(t, file); got != "first default" {
		t.Fatalf("%q", got)
	}
	if again := configure(t, root); len(again.Changed) != 0 {
		t.Errorf("a second run changes %v", again.Changed)
	}

	write(t, def, "second default")
	configure(t, root)
	if got := read(t, file); got != "second default" {
		t.Errorf("nobody edited it, but it stays %q", got)
	}

	write(t, file, "mine")
	if same := configure(t, root); len(same.Notes) != 0 || read(t, file) != "mine" {
		t.Errorf("an edited file: %v, %q", same, read(t, file))
	}
	write(t, def, "third default")
	report := configure(t, root)
	if read(t, file) != "mine" || read(t, file+".new") != "third default" || len(report.Notes) != 1 {
		t.Errorf("an edited file and a new default: %v, %q", report, read(t, file))
	}
	if again := configure(t, root); len(again.Changed)+len(again.Notes) != 0 {
		t.Errorf("it is said again: %+v", again)
	}

	// The operator takes the new default over.
	write(t, file, "third default")
	configure(t, root)
	if _, err := os.Stat(file + ".new"); !os.IsNotExist(err) {
		t.Errorf("the default stays beside a file that has it: %v", err)
	}
}

func TestConfigurationKeepsItsMode(t *testing.T) {
	root := hostWith(t)
	file := filepath.Join(root, "etc/left4me/agent.hcl")
	configure(t, root)
	write(t, file, "mine")
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	if report := configure(t, root); !cmp.Equal(report.Changed, []string{"/etc/left4me/agent.hcl"}) {
		t.Errorf("%v", report.Changed)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 || read(t, file) != "mine" {
		t.Errorf("mode %v, %v, %q", info.Mode(), err, read(t, file))
	}
}

func TestMounterConfigurationHasTheNumbersOfThisHost(t *testing.T) {
	root := hostWith(t)
	configure(t, root)
	var got struct {
		Root   string         `json:"root"`
		Owners map[string]int `json:"owners"`
	}
	if err := json.Unmarshal([]byte(read(t, filepath.Join(root, "etc/left4me/mounter-kernel.json"))), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"staging_uid": os.Getuid(), "staging_gid": os.Getgid(), "game_uid": os.Getuid(), "game_gid": os.Getgid()}
	if diff := cmp.Diff(want, got.Owners); diff != "" || got.Root != "/var/lib/left4me/content" {
		t.Errorf("%s %s", got.Root, diff)
	}
}

func TestS12DatabasesAreMended(t *testing.T) {
	root := hostWith(t)
	agent, panel := filepath.Join(root, "var/lib/left4me/agent"), filepath.Join(root, "var/lib/left4me-web")
	for _, path := range []string{agent + "/agent.db", agent + "/agent.db-wal", agent + "/agent.db-shm", agent + "/agent.db.lock", panel + "/panel.db", panel + "/panel.db-wal"} {
		write(t, path, "data")
		if err := os.Chmod(path, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(t, agent+"/other", "not a database")
	report, err := provision.MendDatabases(root)
	if err != nil || len(report.Changed) != 6 {
		t.Fatalf("%v, %v", report, err)
	}
	for _, path := range []string{agent + "/agent.db", agent + "/agent.db-wal", panel + "/panel.db-wal"} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if again, err := provision.MendDatabases(root); err != nil || len(again.Changed) != 0 {
		t.Errorf("a second run: %v, %v", again, err)
	}
}

// The directory belongs to the agent's user. A hijacked agent could put links there and wait for root to come by.
func TestS12DatabasesThatAreLinksAreLeftAlone(t *testing.T) {
	root := hostWith(t)
	dir, secret := filepath.Join(root, "var/lib/left4me/agent"), filepath.Join(root, "etc/shadow")
	write(t, secret, "secret")
	write(t, filepath.Join(dir, "agent.db"), "data")
	if err := os.Chmod(secret, 0o646); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(secret, filepath.Join(dir, "hard.db")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "soft.db")); err != nil {
		t.Fatal(err)
	}
	report, err := provision.MendDatabases(root)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(secret); err != nil || info.Mode().Perm() != 0o646 {
		t.Errorf("the file of root was changed: %v, %v", info.Mode(), err)
	}
	if len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "hard.db") {
		t.Errorf("notes %v", report.Notes)
	}
}
