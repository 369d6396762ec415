package httpapi

import (
	"fmt"
	"net"
	"syscall"
	"unsafe"
)

// soPeerGroups is SO_PEERGROUPS of linux/include/uapi/asm-generic/socket.h (Linux 4.13), which the
// syscall package lacks.
const soPeerGroups = 59

// maxGroups is NGROUPS_MAX of linux/limits.h.
const maxGroups = 65536

// peerOf asks the kernel who connected. Credentials are those at connect(2), so a later change of the
// peer's uid, or passing the socket on, does not matter.
func peerOf(conn *net.UnixConn) (peer, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return peer{}, err
	}
	var who peer
	var inner error
	err = raw.Control(func(fd uintptr) {
		// The descriptor is only sure to stay open within this function.
		who, inner = credentials(int(fd))
	})
	if err != nil {
		return peer{}, err
	}
	return who, inner
}

func credentials(fd int) (peer, error) {
	cred, err := syscall.GetsockoptUcred(fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	if err != nil {
		return peer{}, fmt.Errorf("getsockopt SO_PEERCRED: %w", err)
	}
	who := peer{uid: int(cred.Uid), groups: []int{int(cred.Gid)}}
	more, err := peerGroups(fd)
	if err != nil {
		return who, nil // an old kernel: the primary group still counts
	}
	for _, gid := range more {
		who.groups = append(who.groups, int(gid))
	}
	return who, nil
}

// peerGroups returns the supplementary groups. The kernel answers ERANGE with the length it needs.
func peerGroups(fd int) ([]uint32, error) {
	groups := make([]uint32, 64)
	for {
		size := uint32(len(groups) * 4)
		_, _, errno := syscall.Syscall6(syscall.SYS_GETSOCKOPT, uintptr(fd), syscall.SOL_SOCKET, soPeerGroups,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == 0:
			return groups[:size/4], nil
		case errno == syscall.ERANGE && int(size) > len(groups)*4 && size <= maxGroups*4:
			groups = make([]uint32, size/4)
		default:
			return nil, errno
		}
	}
}
