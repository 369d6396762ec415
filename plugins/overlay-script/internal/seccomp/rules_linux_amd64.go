package seccomp

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// archRules are the older calls that only amd64 still has.
func archRules() []rule {
	mode := func(number uintptr, argument int) rule {
		return rule{number: number, errno: unix.EPERM, conditions: []bits{{argument: argument, mask: setIDBits, kind: anyOf}}}
	}
	return []rule{
		{number: unix.SYS_MKNOD, errno: unix.EPERM},
		{number: unix.SYS_IOPL, errno: unix.EPERM},
		{number: unix.SYS_IOPERM, errno: unix.EPERM},
		{number: unix.SYS_MODIFY_LDT, errno: unix.EPERM},
		{number: unix.SYS__SYSCTL, errno: unix.EPERM},
		{number: unix.SYS_USELIB, errno: unix.EPERM},
		mode(unix.SYS_CHMOD, 1),
		mode(unix.SYS_CREAT, 1),
		mode(unix.SYS_MKDIR, 1),
		{number: unix.SYS_OPEN, errno: unix.EPERM, conditions: []bits{
			{argument: 1, mask: unix.O_CREAT | unix.O_TMPFILE&^unix.O_DIRECTORY, kind: anyOf},
			{argument: 2, mask: setIDBits, kind: anyOf},
		}},
	}
}
