package pluginhost

import (
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/left4me/left4me/agent/internal/fault"
)

// identity is whom a child plugin runs as and what it may do.
type identity struct {
	change   bool // uid, gid and groups differ from the agent's
	uid, gid uint32
	groups   []uint32
	home     string
	caps     []uintptr // capability numbers that it keeps
	root     bool      // the agent is root, so everything else can be taken away
}

// resolveIdentity works out the identity that a launch block asks for. agentUID is the agent's
// effective user.
func resolveIdentity(l Launch, agentUID int) (identity, *problem) {
	id := identity{root: agentUID == 0, home: "/"}
	for _, name := range l.Capabilities {
		number, ok := capabilityNumber(name)
		if !ok {
			return id, lasting(fault.Invalid, "wants capability %q, which does not exist.", name).
				withHint("Correct \"capabilities\" in its launch block.")
		}
		id.caps = append(id.caps, number)
	}
	if l.User != "" || l.Group != "" {
		if p := id.account(l, agentUID); p != nil {
			return id, p
		}
	}
	if id.root {
		return id, nil
	}
	if id.change && int(id.uid) != agentUID {
		return id, lasting(fault.Precondition, "cannot run as user %q, because the agent does not run as root.", l.User).
			withHint("Remove \"user\" from its launch block, or start it by systemd with mode = \"socket\".")
	}
	id.change = false
	if len(id.caps) > 0 {
		return id, lasting(fault.Precondition, "cannot have capabilities, because the agent does not run as root.").
			withHint("Start it by systemd with mode = \"socket\".")
	}
	return id, nil
}

// account fills in uid, gid and groups. Numbers need no account of that number.
func (id *identity) account(l Launch, agentUID int) *problem {
	id.change, id.uid = true, uint32(agentUID)
	id.gid = uint32(os.Getgid())
	if l.User != "" {
		if p := id.user(l.User); p != nil {
			return p
		}
	}
	if l.Group != "" {
		gid, err := lookupGroup(l.Group)
		if err != nil {
			return lasting(fault.Precondition, "should run as group %q, which does not exist.", l.Group).
				withHint("Create the group, or correct \"group\" in its launch block.")
		}
		id.gid = gid
	}
	if len(id.groups) == 0 {
		id.groups = []uint32{id.gid}
	}
	return nil
}

func (id *identity) user(name string) *problem {
	account, err := user.Lookup(name)
	if number, parseErr := strconv.ParseUint(name, 10, 32); parseErr == nil {
		id.uid, id.gid = uint32(number), uint32(number)
		account, err = user.LookupId(name)
		if err != nil {
			return nil // a bare number
		}
	}
	if err != nil {
		return lasting(fault.Precondition, "should run as user %q, who does not exist.", name).
			withHint("Create the user, or correct \"user\" in its launch block.")
	}
	id.home = account.HomeDir
	id.uid, id.gid = number(account.Uid), number(account.Gid)
	groups, _ := account.GroupIds() // without them the primary group is left, which is less and safe
	for _, group := range groups {
		id.groups = append(id.groups, number(group))
	}
	return nil
}

// number converts an id that the account database holds; its form is checked there.
func number(text string) uint32 {
	n, _ := strconv.ParseUint(text, 10, 32)
	return uint32(n)
}

func lookupGroup(name string) (uint32, error) {
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n), nil
	}
	group, err := user.LookupGroup(name)
	if err != nil {
		return 0, err
	}
	return number(group.Gid), nil
}

// lookupUser returns the uid of a name or number.
func lookupUser(name string) (uint32, error) {
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n), nil
	}
	account, err := user.Lookup(name)
	if err != nil {
		return 0, err
	}
	return number(account.Uid), nil
}

// capabilityNames has the capabilities at their numbers, from linux/capability.h.
const capabilityNames = "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP " +
	"LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE " +
	"SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME " +
	"SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG " +
	"WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"

func capabilityNumber(name string) (uintptr, bool) {
	for i, known := range strings.Fields(capabilityNames) {
		if "CAP_"+known == name {
			return uintptr(i), true
		}
	}
	return 0, false
}
