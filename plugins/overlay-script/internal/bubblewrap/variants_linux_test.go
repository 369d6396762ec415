package bubblewrap_test

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// The tests run once more as the other users that a plugin is started as: an ordinary one, and root
// of a user namespace with a single user, as in a demonstration without root.
func TestAsOtherUsers(t *testing.T) {
	if os.Geteuid() != 0 || os.Getenv("LEFT4ME_TEST_VARIANT") != "" {
		t.Skip("needs root")
	}
	single := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 64005, Size: 1}}
	for name, attributes := range map[string]*syscall.SysProcAttr{
		"ordinary user": {Credential: &syscall.Credential{Uid: scriptUser, Gid: scriptUser}},
		"root of a user namespace": {
			Cloneflags: syscall.CLONE_NEWUSER, UidMappings: single, GidMappings: single,
			Credential: &syscall.Credential{Uid: 0, Gid: 0, NoSetGroups: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newTree(t)
			id := scriptUser
			if attributes.Cloneflags != 0 {
				id = single[0].HostID
			}
			if err := os.Chown(dir, id, id); err != nil {
				t.Fatal(err)
			}
			again := exec.Command("/proc/self/exe", "-test.run=^TestSandbox$", "-test.v")
			again.Env = append(os.Environ(), "TMPDIR="+dir, "LEFT4ME_TEST_VARIANT="+name)
			again.SysProcAttr = attributes
			out, err := again.CombinedOutput()
			if n := strings.Count(string(out), "--- PASS"); err != nil || n < 20 {
				t.Errorf("%v, %d passed\n%s", err, n, out)
			}
			t.Logf("%d passed, %d skipped", strings.Count(string(out), "--- PASS"), strings.Count(string(out), "--- SKIP"))
		})
	}
}
