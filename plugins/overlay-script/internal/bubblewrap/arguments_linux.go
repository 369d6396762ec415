package bubblewrap

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"

	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
	"github.com/left4me/left4me/plugins/overlay-script/internal/seccomp"
	"github.com/left4me/left4me/plugins/overlay-script/internal/view"
)

// operation is a part of bwrap's arguments. With Data, the child puts Data into a file in memory and
// its number in place of descriptor.
type operation struct {
	Arguments []string
	Data      []byte
}

const (
	descriptor = "{fd}"
	scriptPath = "/run/left4me/script"
	hostBundle = "/etc/ssl/certs/ca-certificates.crt"
)

func plain(arguments ...string) operation { return operation{Arguments: arguments} }

// asFile shows data as a read-only file.
func asFile(path string, data []byte) operation {
	if data == nil {
		data = []byte{}
	}
	return operation{Arguments: []string{"--perms", "0444", "--ro-bind-data", descriptor, path}, Data: data}
}

// operations returns bwrap's arguments for a run, in the order in which bwrap does them.
func (s *Sandbox) operations(spec sandbox.Spec) ([]operation, error) {
	program, err := seccomp.Program(seccomp.Internet) // without a network there is only lo
	if err != nil {
		return nil, fmt.Errorf("make the seccomp filter: %w", err)
	}
	uid, gid := s.shownID(s.identity.uid), s.shownID(s.identity.gid)
	out := []operation{
		plain("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
			"--disable-userns", "--uid", strconv.Itoa(uid), "--gid", strconv.Itoa(gid), "--hostname", "overlay",
			"--cap-drop", "ALL", "--new-session", "--die-with-parent", "--clearenv"),
		{Arguments: []string{"--seccomp", descriptor}, Data: program},
	}
	out = append(out, systemView()...)
	etc, err := s.etc(uid, gid)
	if err != nil {
		return nil, err
	}
	out = append(out, etc...)
	size := strconv.FormatUint(spec.Limits.TmpSize, 10)
	out = append(out,
		plain("--proc", "/proc"),
		plain("--dev", "/dev"),
		plain("--perms", "1777", "--size", size, "--tmpfs", "/dev/shm"),
		plain("--remount-ro", "/dev"),
		plain("--perms", "1777", "--size", size, "--tmpfs", "/tmp"),
		asFile(scriptPath, spec.Script),
		tree(spec.Dir, size),
		plain("--remount-ro", "/"))
	return append(out, environment(spec.Environment)...), nil
}

// tree shows the overlay, or one in memory that is thrown away.
func tree(dir, size string) operation {
	if dir == "" {
		return plain("--perms", "1777", "--size", size, "--tmpfs", view.Tree, "--chdir", view.Tree)
	}
	return plain("--bind", dir, view.Tree, "--chdir", view.Tree)
}

// shownID is an id as the script sees it. It is never 0, where many tools think they may do anything.
func (s *Sandbox) shownID(id int) int {
	if id == 0 {
		return 64001
	}
	return id
}

// systemView shows programs and libraries. On a merged system /bin and /lib are links into /usr.
func systemView() []operation {
	out := []operation{plain("--ro-bind", "/usr", "/usr")}
	for _, path := range []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"} {
		target, err := os.Readlink(path)
		if err == nil {
			out = append(out, plain("--symlink", target, path))
		} else {
			out = append(out, plain("--ro-bind-try", path, path))
		}
	}
	return out
}

// etc makes a small /etc: who the script is, how names are found, whom to trust.
func (s *Sandbox) etc(uid, gid int) ([]operation, error) {
	var out []operation
	files := view.Etc(uid, gid, s.config.Hosts, s.config.Resolvers)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		out = append(out, asFile("/etc/"+name, files[name]))
	}
	for _, path := range []string{"/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl/openssl.cnf", "/etc/ssl/certs"} {
		out = append(out, plain("--ro-bind-try", path, path))
	}
	if len(s.config.Certificates) == 0 {
		return out, nil
	}
	bundle, err := os.ReadFile(hostBundle)
	if err != nil {
		return nil, fmt.Errorf("add the certificates of the settings to the host's: %w", err)
	}
	bundle = append(append(bundle, '\n'), s.config.Certificates...)
	return append(out, asFile(hostBundle, bundle)), nil
}

func environment(extra map[string]string) []operation {
	values := view.Environment(extra)
	var out []operation
	for _, name := range slices.Sorted(maps.Keys(values)) {
		out = append(out, plain("--setenv", name, values[name]))
	}
	return out
}
