package mounttest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/idmap"
)

// stageVar tells a re-executed test binary what to become next.
const stageVar = "LEFT4ME_TEST_STAGE"

// Stages of the test binary: as root it goes into a mount namespace of its own, so that no mount can
// outlive it. TestInUserNamespace starts it as an ordinary user who makes a user namespace.
const (
	stageMounts   = "mount-namespace"
	stageOrdinary = "ordinary-user"
	stageUser     = "user-namespace"
)

// Main is the body of TestMain.
func Main(m *testing.M) {
	idmap.RunChild()
	unix.Umask(0o022)
	switch os.Getenv(stageVar) {
	case "":
		if os.Geteuid() == 0 {
			os.Exit(again(stageMounts, &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}))
		}
		os.Exit(again(stageUser, userNamespace()))
	case stageOrdinary:
		os.Exit(again(stageUser, userNamespace()))
	case stageMounts, stageUser:
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			fmt.Println("make mounts private:", err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	}
}

func userNamespace() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}

// again runs this program with the same arguments in another form and returns its exit status.
func again(stage string, attr *syscall.SysProcAttr) int {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), stageVar+"="+stage)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	attr.Pdeathsig = syscall.SIGKILL
	cmd.SysProcAttr = attr
	err := cmd.Run()
	if exit, is := errors.AsType[*exec.ExitError](err); is {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Println("tests with mounts cannot run here:", err)
		return 1
	}
	return 0
}

// AsOrdinaryUser runs the tests that match a pattern once more, in this test binary started as a user
// without any privilege, and fails t when they fail.
func AsOrdinaryUser(t *testing.T, pattern string) {
	t.Helper()
	NeedRoot(t)
	const nobody = 65534
	dir, err := os.MkdirTemp("", "ordinary")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "-test.run", pattern, "-test.v")
	cmd.Env = append(os.Environ(), stageVar+"="+stageOrdinary, "TMPDIR="+dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("as an ordinary user: %v", err)
	}
}

// InUserNamespace reports whether the tests run without real root.
func InUserNamespace() bool { return os.Getenv(stageVar) == stageUser }

// NeedRoot skips a test that needs several users.
func NeedRoot(t testing.TB) {
	t.Helper()
	if InUserNamespace() {
		t.Skip("a user namespace with one user has no other users")
	}
}
