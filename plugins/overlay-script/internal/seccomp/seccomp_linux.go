package seccomp

import (
	"bytes"
	"encoding/binary"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// The seccomp filter denies what a script has no use for and attackers like. It is written here and
// not with a library because two things must hold that the ones looked at do not do: a program of
// another architecture is killed instead of passing, and arguments that the kernel reads as 32 bit
// are compared as 32 bit, so that garbage in the upper half changes nothing.

// Offsets in struct seccomp_data, from linux/seccomp.h.
const (
	dataNumber    = 0
	dataArch      = 4
	dataArguments = 16
)

// x32 system calls have this bit (asm/unistd.h); they would evade a filter by number.
const x32Bit = 0x40000000

// bits is a condition on the lower half of one argument.
type bits struct {
	argument int
	mask     uint32
	value    uint32 // ignored by anyOf
	kind     kind
}

type kind int

const (
	equal    kind = iota // argument & mask == value
	notEqual             // argument & mask != value
	anyOf                // argument & mask != 0
)

// rule denies a system call with errno when all its conditions hold.
type rule struct {
	number     uintptr
	errno      unix.Errno
	conditions []bits
}

const (
	setIDBits  = unix.S_ISUID | unix.S_ISGID
	namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
		unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET
	writeAndExec = unix.PROT_WRITE | unix.PROT_EXEC
	all          = ^uint32(0)
)

func rules() []rule {
	var out []rule
	for _, number := range forbidden() {
		out = append(out, rule{number: number, errno: unix.EPERM})
	}
	when := func(number uintptr, conditions ...bits) {
		out = append(out, rule{number: number, errno: unix.EPERM, conditions: conditions})
	}
	// Files that change who runs them. openat2 and clone3 hide their arguments in memory; programs
	// know older kernels without them.
	when(unix.SYS_FCHMOD, bits{argument: 1, mask: setIDBits, kind: anyOf})
	when(unix.SYS_FCHMODAT, bits{argument: 2, mask: setIDBits, kind: anyOf})
	when(unix.SYS_FCHMODAT2, bits{argument: 2, mask: setIDBits, kind: anyOf})
	when(unix.SYS_MKDIRAT, bits{argument: 2, mask: setIDBits, kind: anyOf})
	when(unix.SYS_OPENAT, bits{argument: 2, mask: unix.O_CREAT | unix.O_TMPFILE&^unix.O_DIRECTORY, kind: anyOf},
		bits{argument: 3, mask: setIDBits, kind: anyOf})
	out = append(out, rule{number: unix.SYS_OPENAT2, errno: unix.ENOSYS}, rule{number: unix.SYS_CLONE3, errno: unix.ENOSYS})
	when(unix.SYS_CLONE, bits{argument: 0, mask: namespaces, kind: anyOf})
	// Sockets of the internet families only, and no raw ones.
	out = append(out, rule{number: unix.SYS_SOCKET, errno: unix.EAFNOSUPPORT, conditions: []bits{
		{argument: 0, mask: all, value: unix.AF_INET, kind: notEqual},
		{argument: 0, mask: all, value: unix.AF_INET6, kind: notEqual},
	}})
	when(unix.SYS_SOCKET, bits{argument: 1, mask: 0xf, value: unix.SOCK_RAW, kind: equal})
	// Typing into a terminal that is not one's own.
	when(unix.SYS_IOCTL, bits{argument: 1, mask: all, value: unix.TIOCSTI, kind: equal})
	when(unix.SYS_IOCTL, bits{argument: 1, mask: all, value: unix.TIOCLINUX, kind: equal})
	// Asking for the execution domain is fine, changing it is not.
	when(unix.SYS_PERSONALITY, bits{argument: 0, mask: all, value: all, kind: notEqual}, bits{argument: 0, mask: all, value: 0, kind: notEqual})
	// Memory that is written and then run.
	when(unix.SYS_MMAP, bits{argument: 2, mask: writeAndExec, value: writeAndExec, kind: equal})
	when(unix.SYS_MPROTECT, bits{argument: 2, mask: unix.PROT_EXEC, kind: anyOf})
	when(unix.SYS_PKEY_MPROTECT, bits{argument: 2, mask: unix.PROT_EXEC, kind: anyOf})
	const shmExec = 0o100000 // SHM_EXEC, linux/shm.h
	when(unix.SYS_SHMAT, bits{argument: 2, mask: shmExec, kind: anyOf})
	return append(out, archRules()...)
}

// Network says what sockets a script may make.
type Network bool

// Sockets of the internet families, or none at all.
const (
	Internet Network = true
	Offline  Network = false
)

// Program returns the filter as the kernel reads it: an array of struct sock_filter.
func Program(network Network) ([]byte, error) {
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: dataArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS},
		bpf.LoadAbsolute{Off: dataNumber, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: x32Bit, SkipTrue: 1},
		deny(unix.ENOSYS),
	}
	list := rules()
	if network == Offline {
		list = append([]rule{{number: unix.SYS_SOCKET, errno: unix.EAFNOSUPPORT}}, list...)
	}
	for _, r := range list {
		program = append(program, r.compile()...)
	}
	program = append(program, bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW})
	raw, err := bpf.Assemble(program)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, instruction := range raw {
		// The filter runs on the machine that makes it, so its own byte order is right.
		if err := binary.Write(&out, binary.NativeEndian, instruction); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// Install puts a program over the calling thread and what it starts from now on. The thread must be locked and must
// have no_new_privs.
func Install(program []byte) error {
	const instruction = 8 // bytes of struct sock_filter
	if len(program) == 0 || len(program)%instruction != 0 {
		return unix.EINVAL
	}
	filter := unix.SockFprog{Len: uint16(len(program) / instruction), Filter: (*unix.SockFilter)(unsafe.Pointer(&program[0]))}
	// Not by seccomp(2), which systemd 252 does not let services call.
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&filter)), 0, 0)
}

func deny(errno unix.Errno) bpf.Instruction {
	return bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(errno)}
}

// compile returns instructions that expect the system call's number in A and leave it there.
func (r rule) compile() []bpf.Instruction {
	if len(r.conditions) == 0 {
		return []bpf.Instruction{bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(r.number), SkipFalse: 1}, deny(r.errno)}
	}
	const perCondition = 3
	body := len(r.conditions)*perCondition + 1 // conditions, then the denial
	out := []bpf.Instruction{bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(r.number), SkipFalse: uint8(body + 1)}}
	for i, c := range r.conditions {
		skip := uint8(body - (i+1)*perCondition) // over the rest of the body, to the reload
		test := bpf.JumpIf{Cond: bpf.JumpEqual, Val: c.value, SkipFalse: skip}
		switch c.kind {
		case notEqual:
			test = bpf.JumpIf{Cond: bpf.JumpEqual, Val: c.value, SkipTrue: skip}
		case anyOf:
			test = bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: skip}
		}
		out = append(out,
			bpf.LoadAbsolute{Off: lowerHalf(c.argument), Size: 4},
			bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: c.mask}, test)
	}
	return append(out, deny(r.errno), bpf.LoadAbsolute{Off: dataNumber, Size: 4})
}

// lowerHalf is the offset of an argument's lower 32 bits on a little-endian machine.
func lowerHalf(argument int) uint32 { return uint32(dataArguments + 8*argument) }

// forbidden lists calls that are denied whatever their arguments, on every architecture.
func forbidden() []uintptr {
	return []uintptr{
		// Device nodes: an unprivileged 0:0 one is a white-out of overlayfs.
		unix.SYS_MKNODAT,
		// Mounts and namespaces.
		unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT,
		unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR,
		unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME,
		// Other processes.
		unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_KCMP, unix.SYS_PIDFD_GETFD,
		unix.SYS_PROCESS_MADVISE, unix.SYS_PERF_EVENT_OPEN,
		// Parts of the kernel with a long list of faults.
		unix.SYS_BPF, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
		unix.SYS_IO_SETUP, unix.SYS_FANOTIFY_INIT, unix.SYS_VMSPLICE,
		unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
		unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_NAME_TO_HANDLE_AT,
		unix.SYS_MBIND, unix.SYS_SET_MEMPOLICY, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES,
		// The machine.
		unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD,
		unix.SYS_REBOOT, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD,
		unix.SYS_SYSLOG, unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX,
		unix.SYS_VHANGUP, unix.SYS_MEMFD_SECRET, unix.SYS_LOOKUP_DCOOKIE, unix.SYS_NFSSERVCTL,
	}
}
