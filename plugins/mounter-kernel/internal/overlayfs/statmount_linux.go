package overlayfs

import (
	"bytes"
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Numbers of statmount(2), from the kernel's uapi/linux/mount.h. The call describes one mount without
// the whole table, which for an overlay of many layers is long and slow to write. It tells the source
// since Linux 6.13.
const (
	statmountSBBasic  = 0x01
	statmountMntBasic = 0x02
	statmountFSType   = 0x20
	statmountMntOpts  = 0x80
	statmountSBSource = 0x200
	statmountHeader   = 512 // strings begin here
	mntIDUnique       = 0x4000
	readOnly          = 1 // of sb_flags
)

// Offsets into the answer.
const (
	atOptions  = 4
	atMask     = 8
	atMajor    = 16
	atMinor    = 20
	atFlags    = 32
	atType     = 36
	atOldID    = 56
	atOldAbove = 60
	atAttr     = 64
	atSource   = 124
)

type mountIDRequest struct {
	size, spare    uint32
	id, mask, nsID uint64
}

// statmount describes the mount whose root is name in dir, or answers false where the kernel cannot.
func statmount(dir int, name string, options bool) (Info, bool) {
	var st unix.Statx_t
	err := unix.Statx(dir, name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, mntIDUnique, &st)
	if err != nil || st.Mask&mntIDUnique == 0 {
		return Info{}, false
	}
	room := 4 << 10
	want := uint64(statmountSBBasic | statmountMntBasic | statmountFSType | statmountSBSource)
	if options {
		want |= statmountMntOpts
		room = 64 << 10
	}
	request := mountIDRequest{id: st.Mnt_id, mask: want}
	request.size = uint32(unsafe.Sizeof(request))
	for ; room <= maxLine; room *= 4 {
		buf := make([]byte, room)
		_, _, errno := unix.Syscall6(unix.SYS_STATMOUNT, uintptr(unsafe.Pointer(&request)),
			uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0, 0)
		if errno == unix.EOVERFLOW {
			continue
		}
		if errno != 0 || binary.NativeEndian.Uint64(buf[atMask:])&want != want {
			return Info{}, false
		}
		return readStatmount(buf, options), true
	}
	return Info{}, false
}

func readStatmount(buf []byte, options bool) Info {
	number := func(at int) uint32 { return binary.NativeEndian.Uint32(buf[at:]) }
	text := func(at int) string {
		tail := buf[statmountHeader+int(number(at)):]
		if end := bytes.IndexByte(tail, 0); end >= 0 {
			tail = tail[:end]
		}
		return string(tail)
	}
	info := Info{
		ID: uint64(number(atOldID)), Parent: uint64(number(atOldAbove)),
		Device: Device(unix.Mkdev(number(atMajor), number(atMinor))),
		Type:   text(atType), Source: text(atSource), Super: "rw", Options: "rw",
	}
	if number(atFlags)&readOnly != 0 {
		info.Super = "ro"
	}
	attr := binary.NativeEndian.Uint64(buf[atAttr:])
	if attr&unix.MOUNT_ATTR_NOSUID != 0 {
		info.Options += ",nosuid"
	}
	if attr&unix.MOUNT_ATTR_NODEV != 0 {
		info.Options += ",nodev"
	}
	if options {
		info.Super += "," + text(atOptions)
	}
	return info
}
