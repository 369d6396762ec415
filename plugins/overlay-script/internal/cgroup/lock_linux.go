package cgroup

import (
	"os"

	"golang.org/x/sys/unix"
)

// lock opens and locks a directory, unless another process holds the lock.
func lock(dir string) (*os.File, error) {
	file, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, err
	}
	if _, err := os.Stat(dir); err != nil { // removed while it was opened
		_ = file.Close()
		return nil, err
	}
	return file, nil
}
