package fetch

import (
	"os"

	"golang.org/x/sys/unix"
)

// writeBack asks the kernel to start writing a part of a file to the disk, so that little is left to wait for
// when the download is complete, and a large download does not fill memory with unwritten pages.
func writeBack(file *os.File, offset, length int64) {
	// Only a hint; what must be on the disk is synced later.
	_ = unix.SyncFileRange(int(file.Fd()), offset, length, unix.SYNC_FILE_RANGE_WRITE)
}
