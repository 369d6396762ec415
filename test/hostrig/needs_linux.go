package hostrig

import (
	"os"
	"os/exec"
	"testing"
)

// RequireVariable is the environment variable that turns a skip into a failure when it is "require", and skips every
// test that needs a host when it is "skip".
const RequireVariable = "LEFT4ME_HOST"

// Needs skips the test where no host can be booted, and says why.
func Needs(t testing.TB) {
	t.Helper()
	reason := obstacle()
	switch {
	case os.Getenv(RequireVariable) == "skip":
		t.Skip(RequireVariable + "=skip")
	case reason == "":
	case os.Getenv(RequireVariable) == "require":
		t.Fatal(reason)
	default:
		t.Skip(reason)
	}
}

func obstacle() string {
	if os.Geteuid() != 0 {
		return "needs root, to boot a Debian with systemd-nspawn"
	}
	for _, tool := range []string{"debootstrap", "systemd-nspawn", "nsenter", "ip", "apt-get"} {
		if _, err := lookPath(tool); err != nil {
			return tool + " is not installed: deploy/deps host"
		}
	}
	return ""
}

// lookPath also finds what an ordinary user's PATH leaves out.
func lookPath(tool string) (string, error) {
	if path, err := exec.LookPath(tool); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/" + tool)
}
