package sandboxtest

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Perl is on every Debian and can call the kernel without a compiler.
func (s suite) escapeSystemCalls(t *testing.T) {
	b := s.box(t, Options{})
	var script strings.Builder
	script.WriteString("touch f\n")
	for name, arguments := range systemCalls() {
		// What the kernel answers: EPERM, ENOSYS or EAFNOSUPPORT of the filter, not another refusal.
		fmt.Fprintf(&script, `perl -e '$r = syscall(%s); $e = $!+0; print "BROKEN %s: returned $r, errno $e\n" unless $r == -1 && ($e == 1 || $e == 38 || $e == 97)'`+"\n",
			strings.ReplaceAll(arguments, "'", "'\\''"), name)
	}
	script.WriteString("[ -u f ] && echo BROKEN setuid file\n[ -e wh ] && echo BROKEN white-out\necho end\n")
	unbroken(t, b.run(script.String()))
}

// systemCalls are Perl's arguments of calls that must be refused.
func systemCalls() map[string]string {
	return map[string]string{
		"unshare user":       fmt.Sprintf("%d, %d", unix.SYS_UNSHARE, unix.CLONE_NEWUSER),
		"unshare mount":      fmt.Sprintf("%d, %d", unix.SYS_UNSHARE, unix.CLONE_NEWNS),
		"clone user":         fmt.Sprintf("%d, %d, 0, 0, 0, 0", unix.SYS_CLONE, unix.CLONE_NEWUSER|17),
		"clone net":          fmt.Sprintf("%d, %d, 0, 0, 0, 0", unix.SYS_CLONE, unix.CLONE_NEWNET|17),
		"setns":              fmt.Sprintf("%d, 0, 0", unix.SYS_SETNS),
		"mount":              fmt.Sprintf("%d, 'none', '/tmp', 'tmpfs', 0, 0", unix.SYS_MOUNT),
		"umount":             fmt.Sprintf("%d, '/tmp', 2", unix.SYS_UMOUNT2),
		"pivot_root":         fmt.Sprintf("%d, '/tmp', '/tmp'", unix.SYS_PIVOT_ROOT),
		"chroot":             fmt.Sprintf("%d, '/tmp'", unix.SYS_CHROOT),
		"open_tree":          fmt.Sprintf("%d, -100, '/', 1", unix.SYS_OPEN_TREE),
		"fsopen":             fmt.Sprintf("%d, 'tmpfs', 0", unix.SYS_FSOPEN),
		"move_mount":         fmt.Sprintf("%d, 0, '', 0, '', 0", unix.SYS_MOVE_MOUNT),
		"bpf":                fmt.Sprintf("%d, 0, 0, 0", unix.SYS_BPF),
		"userfaultfd":        fmt.Sprintf("%d, 1", unix.SYS_USERFAULTFD),
		"io_uring":           fmt.Sprintf("%d, 1, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'", unix.SYS_IO_URING_SETUP),
		"ptrace":             fmt.Sprintf("%d, 0, 0, 0, 0", unix.SYS_PTRACE),
		"process_vm_readv":   fmt.Sprintf("%d, 1, 0, 0, 0, 0, 0", unix.SYS_PROCESS_VM_READV),
		"perf_event_open":    fmt.Sprintf("%d, 0, 0, 0, 0, 0", unix.SYS_PERF_EVENT_OPEN),
		"keyctl":             fmt.Sprintf("%d, 0, -3, 0", unix.SYS_KEYCTL),
		"add_key":            fmt.Sprintf("%d, 'user', 'x', 'y', 1, -3", unix.SYS_ADD_KEY),
		"personality":        fmt.Sprintf("%d, 0x0040000", unix.SYS_PERSONALITY),
		"mknod white-out":    fmt.Sprintf("%d, -100, '/overlay/wh', 0020644, 0", unix.SYS_MKNODAT),
		"mkfifo":             fmt.Sprintf("%d, -100, '/overlay/fifo', 0010644, 0", unix.SYS_MKNODAT),
		"mknod disk":         fmt.Sprintf("%d, -100, '/tmp/disk', 0060644, 0x800", unix.SYS_MKNODAT),
		"init_module":        fmt.Sprintf("%d, '', 0, ''", unix.SYS_INIT_MODULE),
		"settimeofday":       fmt.Sprintf("%d, 0, 0", unix.SYS_SETTIMEOFDAY),
		"syslog":             fmt.Sprintf("%d, 3, '%s', 10", unix.SYS_SYSLOG, "xxxxxxxxxx"),
		"open_by_handle_at":  fmt.Sprintf("%d, 0, '', 0", unix.SYS_OPEN_BY_HANDLE_AT),
		"sethostname":        fmt.Sprintf("%d, 'x', 1", unix.SYS_SETHOSTNAME),
		"reboot":             fmt.Sprintf("%d, 0, 0, 0, 0", unix.SYS_REBOOT),
		"swapon":             fmt.Sprintf("%d, '/tmp/x', 0", unix.SYS_SWAPON),
		"kexec":              fmt.Sprintf("%d, 0, 0, 0, 0", unix.SYS_KEXEC_LOAD),
		"chmod setuid":       fmt.Sprintf("%d, -100, '/overlay/f', 04755", unix.SYS_FCHMODAT),
		"chmod setuid, junk": fmt.Sprintf("%d, -100, '/overlay/f', 0xdead00000000 + 04755", unix.SYS_FCHMODAT),
		"fchmodat2 setgid":   fmt.Sprintf("%d, -100, '/overlay/f', 02755, 0", unix.SYS_FCHMODAT2),
		"open setuid":        fmt.Sprintf("%d, -100, '/overlay/g', %d, 04755", unix.SYS_OPENAT, unix.O_CREAT|unix.O_WRONLY),
		"mkdir setgid":       fmt.Sprintf("%d, -100, '/overlay/d', 02755", unix.SYS_MKDIRAT),
		"openat2":            fmt.Sprintf("%d, -100, '/overlay/g', 'xxxxxxxxxxxxxxxxxxxxxxxx', 24", unix.SYS_OPENAT2),
		"clone3":             fmt.Sprintf("%d, '%s', 88", unix.SYS_CLONE3, strings.Repeat("x", 88)),
		"mmap write and run": fmt.Sprintf("%d, 0, 4096, 7, 0x22, -1, 0", unix.SYS_MMAP),
		"mprotect run":       fmt.Sprintf("%d, 0, 4096, 5", unix.SYS_MPROTECT),
		"ioctl TIOCSTI":      fmt.Sprintf("%d, 0, %d, 'x'", unix.SYS_IOCTL, unix.TIOCSTI),
		"ioctl TIOCSTI junk": fmt.Sprintf("%d, 0, 0xbeef00000000 + %d, 'x'", unix.SYS_IOCTL, unix.TIOCSTI),
		"socket unix":        fmt.Sprintf("%d, %d, 1, 0", unix.SYS_SOCKET, unix.AF_UNIX),
		"socket unix, junk":  fmt.Sprintf("%d, 0xbeef00000000 + %d, 1, 0", unix.SYS_SOCKET, unix.AF_UNIX),
		"socket netlink":     fmt.Sprintf("%d, %d, 3, 0", unix.SYS_SOCKET, unix.AF_NETLINK),
		"socket packet":      fmt.Sprintf("%d, %d, 3, 0", unix.SYS_SOCKET, unix.AF_PACKET),
		"socket vsock":       fmt.Sprintf("%d, %d, 1, 0", unix.SYS_SOCKET, unix.AF_VSOCK),
		"socket alg":         fmt.Sprintf("%d, %d, 5, 0", unix.SYS_SOCKET, unix.AF_ALG),
		"socket raw":         fmt.Sprintf("%d, 2, 3, 1", unix.SYS_SOCKET),
		"x32 getpid":         "0x40000000 + 39",
		"x32 mount":          "0x40000000 + 165, 'none', '/tmp', 'tmpfs', 0, 0",
	}
}
