package sandboxtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
)

// Each test performs an attack from inside a script and fails if it succeeds.

func (s suite) escapeFiles(t *testing.T) {
	b := s.box(t, Options{})
	// A database that anybody on the host could read, in a place where anybody could.
	canary := filepath.Join(filepath.Dir(b.tree), "agent.db")
	if err := os.WriteFile(canary, []byte("canary-content"), 0o644); err != nil {
		t.Fatal(err)
	}
	got := b.run(fmt.Sprintf(`
canary=%q
cat "$canary" && echo BROKEN canary
cat "/proc/1/root$canary" "/proc/self/root$canary" && echo BROKEN canary by proc
cat "/overlay/../$canary" && echo BROKEN canary by dots
ln -s "$canary" link; cat link && echo BROKEN canary by link
cat /etc/shadow && echo BROKEN shadow
for dir in /root /home /var /srv /opt /mnt /media /sys /boot /run/systemd/system /run/systemd/journal /run/dbus /run/left4me-sandbox /etc/systemd /etc/ssl/private; do
  [ -z "$(ls -A "$dir")" ] || echo BROKEN "$dir"
done
for file in /usr/x /etc/x /etc/passwd /bin/bash /run/x /run/left4me/script /dev/x /x /proc/sys/kernel/core_pattern /proc/sysrq-trigger; do
  (echo x >> "$file") && echo BROKEN wrote "$file"
done
rm -f /run/left4me/script; [ -e /run/left4me/script ] || echo BROKEN script removed
ln /usr/bin/passwd hard && echo BROKEN hard link
grep -v ' - \(proc\|devpts\) ' /proc/self/mountinfo | grep -v ' /dev/[a-z]* ' | awk '$6 !~ /nosuid/ || ($6 !~ /nodev/ && $6 ~ /^rw/) {print "BROKEN mount", $0}'
ls /proc/self/fd | grep -vx '[0-3]' && echo BROKEN descriptors
echo end`, canary))
	unbroken(t, got)
}

// unbroken fails when a script that attacks printed BROKEN, or did not come to its end.
func unbroken(t *testing.T, got result) {
	t.Helper()
	for line := range strings.Lines(got.out) {
		if strings.Contains(line, "BROKEN") || strings.Contains(line, "canary-content") {
			t.Error(strings.TrimSpace(line))
		}
	}
	if !strings.HasSuffix(got.out, "end\n") || got.Ending != sandbox.Exited {
		t.Errorf("the attack did not come to its end: %+v\nstdout %s\nstderr %s", got.Outcome, got.out, got.err)
	}
}

func (s suite) escapeProcesses(t *testing.T) {
	b := s.box(t, Options{})
	// A victim with the same user id as the script, outside of any sandbox.
	victim := exec.Command("/bin/sleep", "31415.4")
	victim.Env = []string{"VICTIM=canary-content"}
	if s.backend.User != 0 && os.Geteuid() == 0 && !strings.Contains(readFile(t, "/proc/self/uid_map"), " 1\n") {
		victim.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: s.backend.User, Gid: s.backend.User}}
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = victim.Process.Kill(); _ = victim.Wait() })
	// And another script, in a sandbox of the same kind.
	other := b.another(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan result, 1)
	go func() {
		done <- other.runContext(ctx, "touch ready; sleep 31415.4 & wait", func(spec *sandbox.Spec) {
			spec.Environment = map[string]string{"VICTIM": "canary-content"}
		})
	}()
	t.Cleanup(func() { cancel(); <-done })
	waitFor(t, "the other script", func() bool { _, err := os.Stat(filepath.Join(other.tree, "ready")); return err == nil })

	got := b.run(fmt.Sprintf(`
victim=%d
cat /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n' | grep '^VICTIM=' && echo BROKEN environ
for dir in /proc/[0-9]*; do cat "$dir/cmdline" | tr '\0' ' ' | grep 31415.4 && echo BROKEN sees "$dir"; done
kill -9 "$victim" && echo BROKEN killed
ls /proc/[0-9]*/root/overlay/ready && echo BROKEN other tree
ps ax | grep -q '[s]leep 31415' && echo BROKEN ps
hostname hacked && echo BROKEN hostname
tty && echo BROKEN tty
ipcs -a 2>/dev/null | grep canary && echo BROKEN ipc
(kill -SEGV $BASHPID); ls core* && echo BROKEN core
echo end`, victim.Process.Pid))
	unbroken(t, got)
	// Killing everything it sees reaches only its own.
	unbroken(t, b.run(`sleep 31415.4 & kill -9 -1; echo end`))
	if err := victim.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the victim is gone: %v", err)
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d/exe", victim.Process.Pid)); err != nil {
		t.Errorf("the victim is gone: %v", err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What the filter lets through must still work.
func (s suite) escapeFilterLeavesOrdinaryProgramsAlone(t *testing.T) {
	b := s.box(t, Options{})
	got := b.run(`set -e
mkdir -p a/b; touch a/b/c; chmod 755 a/b/c; chmod u+x,go-w a/b/c; ln -s c a/b/link
tar cf t.tar a; rm -r a; tar xf t.tar; diff <(echo x) <(echo x); echo data | gzip | gunzip | md5sum | awk '{print $1}'
find . -name c | xargs ls -l >/dev/null; perl -e 'pipe(A,B); fork; exit'; timeout 5 sleep 0.01; nice true; mktemp >/dev/null; setarch >/dev/null 2>&1 || true
perl -MSocket -e 'socketpair(A, B, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die'; id -un; getent hosts localhost >/dev/null; echo end`)
	if got.ExitCode != 0 || !strings.HasSuffix(got.out, "overlay\nend\n") {
		t.Errorf("%+v\n%s\n%s", got.Outcome, got.out, got.err)
	}
}

// A 32-bit program would see other system call numbers, so it must not run at all.
func (s suite) escape32BitProgram(t *testing.T) {
	program := elf32()
	path := filepath.Join(t.TempDir(), "exit42")
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	err := exec.Command(path).Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 42 {
		t.Skipf("this kernel does not run 32-bit programs: %v", err)
	}
	b := s.box(t, Options{})
	if err := os.WriteFile(filepath.Join(b.tree, "exit42"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	got := b.run(`./exit42; echo "status $?"`)
	if want := fmt.Sprintf("status %d\n", 128+int(syscall.SIGSYS)); got.out != want {
		t.Errorf("stdout %q, want %q", got.out, want)
	}
}

// elf32 is a static i386 program: mov eax,1; mov ebx,42; int 0x80 (exit(42)).
func elf32() []byte {
	code := []byte{0xb8, 1, 0, 0, 0, 0xbb, 42, 0, 0, 0, 0xcd, 0x80}
	header := []byte{
		0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		2, 0, 3, 0, 1, 0, 0, 0, 0x54, 0x80, 0x04, 0x08, 52, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 52, 0, 32, 0, 1, 0, 0, 0, 0, 0, 0, 0,
		1, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x04, 0x08, 0, 0x80, 0x04, 0x08,
		96, 0, 0, 0, 96, 0, 0, 0, 5, 0, 0, 0, 0, 0x10, 0, 0,
	}
	return append(header, code...)
}

func (s suite) escapeResources(t *testing.T) {
	b := s.box(t, Options{})
	t.Run("fork bomb", func(t *testing.T) {
		got := b.run(`bash -c 'bomb() { bomb | bomb & }; bomb; sleep 3600' 31415.5`, func(spec *sandbox.Spec) { spec.Limits.Tasks, spec.Limits.WallTime = 40, 2*time.Second })
		if left := processesWith("31415.5"); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
		if got.Ending == sandbox.Canceled || got.Duration > 30*time.Second {
			t.Errorf("outcome %+v", got.Outcome)
		}
	})
	t.Run("tasks", func(t *testing.T) {
		// Perl counts its children until it cannot have another one.
		got := b.run(`perl -e '$n++ while $n < 200 && defined($p = fork) && ($p || (sleep(60), exit)); print "$n\n"'`,
			func(spec *sandbox.Spec) { spec.Limits.Tasks = 30 })
		var n int
		if _, err := fmt.Sscan(got.out, &n); err != nil || n < 10 || n > 30 {
			t.Errorf("%d processes with a limit of 30: %v, %q, %q", n, err, got.out, got.err)
		}
	})
	t.Run("small places", func(t *testing.T) {
		unbroken(t, b.run(`
head -c 20M /dev/zero > /tmp/big && echo BROKEN tmp
rm /tmp/big; head -c 20M /dev/zero > /dev/shm/big && echo BROKEN shm
head -c 20M /dev/zero > /dev/big && echo BROKEN dev
(head -c 100M /dev/zero > big) 2>/dev/null && echo BROKEN file size
(truncate -s 1T sparse) 2>/dev/null && echo BROKEN sparse
echo end`))
	})
	t.Run("host disk", func(t *testing.T) {
		got := b.run(`sleep 3600`, func(spec *sandbox.Spec) { spec.Limits.DiskFree = 1 << 62 })
		if got.Ending != sandbox.TreeFull || !strings.Contains(got.Reason, "free") {
			t.Errorf("outcome %+v", got.Outcome)
		}
	})
	t.Run("output", func(t *testing.T) {
		got := b.run(`head -c 300M /dev/zero; head -c 300M /dev/zero >&2`)
		if n := got.recorder.sizes[sandbox.Stdout]; n != 300<<20 || got.Ending != sandbox.Exited {
			t.Errorf("%d bytes, %+v", n, got.Outcome)
		}
	})
}

// Secrets and scripts are never on a command line, where any user of the host reads them.
func (s suite) escapeNothingOnCommandLines(t *testing.T) {
	b := s.box(t, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan result, 1)
	go func() {
		done <- b.runContext(ctx, "# canary-script\ntouch ready; sleep 3600", func(spec *sandbox.Spec) {
			spec.Environment = map[string]string{"TOKEN": "canary-secret"}
		})
	}()
	waitFor(t, "the script", func() bool { _, err := os.Stat(filepath.Join(b.tree, "ready")); return err == nil })
	for _, text := range []string{"canary-script", "canary-secret"} {
		if found := processesWith(text); len(found) > 0 {
			t.Errorf("%s is seen in %q", text, found)
		}
	}
	cancel()
	<-done
}
