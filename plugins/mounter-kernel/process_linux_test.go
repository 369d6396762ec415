package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/mounttest"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/overlayfs"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
	"github.com/left4me/left4me/sdk/sdktest"
)

// Users of the tests with more than one.
const (
	stagingID = 64001
	gameID    = 64002
	mounterID = 64003
)

func content(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "content")
	for up := filepath.Dir(dir); up != "/tmp" && up != "/"; up = filepath.Dir(up) {
		_ = os.Chmod(up, 0o755) // the other users must get through
	}
	t.Cleanup(func() { endMounts(t, dir) })
	return dir
}

func endMounts(t testing.TB, root string) {
	mounts, err := overlayfs.ReadMounts()
	if err != nil {
		t.Error(err)
	}
	for i := len(mounts) - 1; i >= 0; i-- {
		if strings.HasPrefix(mounts[i].Point, root+"/") {
			if err := unix.Unmount(mounts[i].Point, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		}
	}
}

func threeUsers(root string) sdk.Settings {
	return sdk.Settings{JSON: json.RawMessage(fmt.Sprintf(
		`{"root":%q,"owners":{"staging_uid":%d,"staging_gid":%d,"game_uid":%d,"game_gid":%d}}`,
		root, stagingID, stagingID, gameID, gameID))}
}

// as runs a shell script as another user.
func as(t testing.TB, id int, dir, script string) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-euc", "umask 022; "+script)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(id), Gid: uint32(id)}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("user %d: %s: %v\n%s", id, script, err, out)
	}
}

// wrapped starts the plugin through setpriv, which takes privileges away.
func wrapped(t testing.TB, options ...string) sdktest.Command {
	t.Helper()
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		t.Skip("setpriv of util-linux is not here")
	}
	// setpriv would run itself as /proc/self/exe, so the plugin is a copy that everybody may run.
	exe := filepath.Join(content(t)+"-bin", "plugin")
	data, err := os.ReadFile("/proc/self/exe")
	err = errors.Join(err, os.MkdirAll(filepath.Dir(exe), 0o755), os.WriteFile(exe, data, 0o755))
	if err != nil {
		t.Fatal(err)
	}
	c := command()
	return sdktest.Command{Path: setpriv, Args: append(options, exe), Env: c.Env}
}

// The four capabilities of the design are enough for everything but what the doc of the plugin says; two
// more give that as well; and root as a user is not needed.
func TestCapabilities(t *testing.T) {
	mounttest.NeedRoot(t)
	four := "+sys_admin,+dac_override,+chown,+fowner"
	six := four + ",+setuid,+setgid"
	asUser := func(caps string) []string {
		return []string{fmt.Sprint("--reuid=", mounterID), fmt.Sprint("--regid=", stagingID), "--clear-groups", "--bounding-set=-all," + caps, "--inh-caps=-all," + caps, "--ambient-caps=-all," + caps, "--no-new-privs"}
	}
	for name, c := range map[string]struct {
		options []string
		owner   string
	}{
		"root with four":   {[]string{"--bounding-set=-all," + four, "--no-new-privs"}, "group"},
		"root with six":    {[]string{"--bounding-set=-all," + six, "--no-new-privs"}, "idmap"},
		"a user with four": {asUser(four), "group"},
		"a user with six":  {asUser(six), "idmap"},
	} {
		t.Run(name, func(t *testing.T) {
			root := content(t)
			if err := os.Mkdir(root, 0o755); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(name, "a user") {
				if err := os.Chown(root, mounterID, mounterID); err != nil {
					t.Fatal(err)
				}
			}
			p := sdktest.Start(t, wrapped(t, c.options...), sdk.KindMounter)
			sdktest.Configure(t, p.Conn, threeUsers(root))
			m := mounter.NewClient(p.Conn)
			probe, err := m.Probe(t.Context())
			if err != nil || probe.Features["staging_owner"] != c.owner {
				t.Fatal(probe, err)
			}
			playThrough(t, m, c.owner == "idmap")
		})
	}
}

// playThrough builds a revision, builds on it as the same user, and plays with the result as another.
func playThrough(t *testing.T, m mounter.Mounter, full bool) {
	t.Helper()
	r1, r2 := mounter.Layer{Overlay: "o", Revision: "r1"}, mounter.Layer{Overlay: "o", Revision: "r2"}
	build := func(id string, base, target mounter.Layer, script string) {
		s, err := m.Stage(t.Context(), id, base)
		if err != nil {
			t.Fatal(err)
		}
		as(t, stagingID, s.Path, script)
		if _, err := m.Commit(t.Context(), mounter.CommitRequest{Build: id, Target: target}); err != nil {
			t.Fatal(err)
		}
	}
	build("b1", mounter.Layer{}, r1, "mkdir -p d/e; echo one > d/e/f; echo x > d/gone; chmod 600 d/e/f; echo y > top")
	// What tar does with an archive that is unpacked again, and what scripts do by hand.
	script := "mkdir -p /tmp/x.$$/d/e; echo two > /tmp/x.$$/d/e/f; echo n > /tmp/x.$$/d/new; tar -C /tmp/x.$$ -cf - . | tar -xf -; rm -r /tmp/x.$$ d/gone; echo more >> top; mv top moved"
	if full {
		script += "; chmod 700 moved; touch -d '2020-01-01' moved"
	}
	build("b2", r1, r2, script)
	mount, _, err := m.Mount(t.Context(), "alpha", []mounter.Layer{r2})
	if err != nil {
		t.Fatal(err)
	}
	as(t, gameID, mount.Path, `test "$(cat d/e/f d/new moved)" = "two
n
y
more"; test ! -e d/gone; echo log >> moved; chmod 600 moved; mv d/e/f d/e/g; rm d/new; mkdir d/logs; echo l > d/logs/l; touch -d 2020-01-01 moved d; rm -r d/e`)
	if err := m.WriteFiles(t.Context(), "alpha", []mounter.File{{Path: "cfg/s.cfg", Data: []byte("s"), Secret: true}}); err != nil {
		t.Error(err)
	}
	as(t, gameID, mount.Path, "test \"$(cat cfg/s.cfg)\" = s")
	if was, err := m.Unmount(t.Context(), "alpha", false); !was || err != nil {
		t.Error(was, err)
	}
	for _, ref := range []mounter.Ref{{Server: "alpha"}, {Layer: r1}, {Layer: r2}} {
		if existed, err := m.Remove(t.Context(), ref, false); !existed || err != nil {
			t.Error(ref, existed, err)
		}
	}
}

// The administrator's file decides, whatever the agent asks for.
func TestConfigFileStandsAbove(t *testing.T) {
	root := content(t)
	file := filepath.Join(filepath.Dir(root), "mounter.json")
	if err := os.WriteFile(file, []byte(fmt.Sprintf(`{"root":%q,"limits":{"max_layers":3}}`, root)), 0o644); err != nil {
		t.Fatal(err)
	}
	p := sdktest.Start(t, *command("--config", file), sdk.KindMounter)
	base := sdk.NewBaseClient(p.Conn)
	found, err := base.Configure(t.Context(), sdk.Settings{JSON: json.RawMessage(`{"root":"/etc"}`)})
	if err != nil || !sdk.HasErrors(found) || found[0].Pointer != "/root" {
		t.Errorf("another root: %+v %v", found, err)
	}
	sdktest.Configure(t, p.Conn, sdk.Settings{JSON: json.RawMessage(`{"limits":{"max_layers":500}}`)})
	probe, err := mounter.NewClient(p.Conn).Probe(t.Context())
	if err != nil || probe.MaxLayers != 3 {
		t.Errorf("limit: %+v %v", probe, err)
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := sdktest.Launch(t.TempDir(), *command("--config", file), sdk.KindMounter); err == nil || !strings.Contains(err.Error(), "chmod go-w") {
		t.Error("a file that everybody can write was taken:", err)
	}
}
