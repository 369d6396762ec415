package doctor

import (
	"context"
	"io/fs"
	"syscall"
)

// Least room: below the first a build or a release may fail, below the second a database may.
const (
	littleRoom = 20 << 30
	noRoom     = 1 << 30
	fewFiles   = 200_000
)

// overlayMagic is OVERLAYFS_SUPER_MAGIC of linux/magic.h.
const overlayMagic = 0x794c7630

func (e *examination) disk(context.Context) {
	for _, dir := range []string{"/var/lib/left4me", "/var/lib/left4me-web", "/var/cache/left4me"} {
		var st syscall.Statfs_t
		if err := syscall.Statfs(e.path(dir), &st); err != nil {
			continue // files says that it is missing
		}
		free := st.Bavail * uint64(st.Bsize)
		switch {
		case free < noRoom:
			e.fail("Free space, or move it to a larger disk.", "%s has %d MiB left: databases cannot be written soon.", dir, free>>20)
		case free < littleRoom && dir != "/var/lib/left4me-web":
			e.warn("Free space: remove old revisions and releases.", "%s has %d GiB left; a release of the game takes about 15.", dir, free>>30)
		default:
			e.ok("%s has %d GiB left", dir, free>>30)
		}
		if st.Files > 0 && st.Ffree < fewFiles {
			e.warn("Remove old revisions, or use a file system with more inodes.", "%s can hold %d more files only.", dir, st.Ffree)
		}
		if st.Type == overlayMagic && dir == "/var/lib/left4me" {
			e.fail("Put it on ext4, xfs or btrfs.", "%s lies on an overlayfs, which carries no other.", dir)
		}
	}
}

func owner(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}

func group(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Gid)
	}
	return -1
}
