package bubblewrap

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// identity is whom a script runs as, seen from the plugin.
type identity struct {
	uid, gid int
	switched bool // the plugin's own id is another one
	groups   bool // supplementary groups can be dropped
}

// findIdentity decides whether scripts run as the wanted user. A plugin that is root on the host, or
// in a user namespace with that id, can switch; any other runs scripts as itself.
func findIdentity(uid, gid int) (identity, error) {
	own := identity{uid: os.Getuid(), gid: os.Getgid(), groups: canSetGroups()}
	if uid == 0 || uid == own.uid || os.Geteuid() != 0 {
		return own, nil
	}
	for file, id := range map[string]int{"/proc/self/uid_map": uid, "/proc/self/gid_map": gid} {
		text, err := os.ReadFile(file)
		if err != nil {
			return identity{}, err
		}
		if !mapped(string(text), uint64(id)) {
			return own, nil
		}
	}
	if !own.groups {
		return identity{}, fmt.Errorf("scripts cannot run as user %d: supplementary groups cannot be dropped here", uid)
	}
	return identity{uid: uid, gid: gid, switched: true, groups: true}, nil
}

// mapped tells whether id exists in a user namespace with this uid_map (user_namespaces(7)).
func mapped(text string, id uint64) bool {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		first, err1 := strconv.ParseUint(fields[0], 10, 64)
		count, err2 := strconv.ParseUint(fields[2], 10, 64)
		if err1 == nil && err2 == nil && id >= first && id-first < count {
			return true
		}
	}
	return false
}

func canSetGroups() bool {
	text, err := os.ReadFile("/proc/self/setgroups")
	return err == nil && strings.TrimSpace(string(text)) == "allow" && os.Geteuid() == 0
}

// attributes are those of a child in a new user and mount namespace, where the script's user is root, and a new
// PID namespace, where it is the first process.
func (i identity) attributes(network bool) *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{
		Cloneflags:                 unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS,
		UidMappings:                []syscall.SysProcIDMap{{ContainerID: 0, HostID: i.uid, Size: 1}},
		GidMappings:                []syscall.SysProcIDMap{{ContainerID: 0, HostID: i.gid, Size: 1}},
		GidMappingsEnableSetgroups: i.groups,
		Credential:                 &syscall.Credential{Uid: 0, Gid: 0, NoSetGroups: !i.groups},
		Setsid:                     true,
		Pdeathsig:                  syscall.SIGKILL,
	}
	if network {
		attributes.Cloneflags |= unix.CLONE_NEWNET
	}
	return attributes
}
