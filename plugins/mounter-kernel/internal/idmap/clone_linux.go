package idmap

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Attach mounts dir a second time on the directory target, with owners exchanged as in the namespace,
// and returns a descriptor of what is mounted. Until Linux 6.15, overlayfs takes only layers that are
// attached somewhere. The caller unmounts target.
func Attach(dir, target int, namespace *os.File) (int, error) {
	clone, err := unix.OpenTree(dir, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)
	if err != nil {
		return -1, fmt.Errorf("open_tree: %w", err)
	}
	if err := attach(clone, target, namespace); err != nil {
		unix.Close(clone)
		return -1, err
	}
	return clone, nil
}

func attach(clone, target int, namespace *os.File) error {
	attr := unix.MountAttr{
		Attr_set:    unix.MOUNT_ATTR_IDMAP | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_RDONLY,
		Propagation: unix.MS_PRIVATE,
		Userns_fd:   uint64(namespace.Fd()),
	}
	if err := unix.MountSetattr(clone, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		return fmt.Errorf("mount_setattr: %w", err)
	}
	err := unix.MoveMount(clone, "", target, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
	if err != nil {
		return fmt.Errorf("move_mount: %w", err)
	}
	return nil
}
