package admit

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
)

// opaque reports whether a directory of an upper hides that of the base (overlayfs.rst). Marks that a
// mount with our options never makes are an error: the tree cannot be what they say it is.
func opaque(dir *beneath.Dir, userXattr bool) (bool, error) {
	prefix := "trusted.overlay."
	if userXattr {
		prefix = "user.overlay."
	}
	if _, err := unix.Fgetxattr(dir.FD(), prefix+"redirect", nil); err == nil {
		return false, fmt.Errorf("%s: overlayfs redirects it, although that is off", dir.Name())
	}
	buf := make([]byte, 8)
	n, err := unix.Fgetxattr(dir.FD(), prefix+"opaque", buf)
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.EOPNOTSUPP) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s: read overlayfs mark: %w", dir.Name(), err)
	}
	return string(buf[:n]) == "y", nil
}

// unlabelled are attributes that the host's security policy puts on every file by itself.
var unlabelled = [...]string{"security.selinux", "security.ima", "security.evm", "security.SMACK64"}

// strip removes all extended attributes: access lists, capabilities, overlayfs marks, anything. path
// may name the inode through /proc; its last element is not followed. It returns how many of them
// were the builder's own.
func strip(path string) (foreign int, err error) {
	names, err := listxattr(path)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		if policy(name) {
			continue
		}
		if err := unix.Lremovexattr(path, name); err != nil && !errors.Is(err, unix.ENODATA) {
			return foreign, fmt.Errorf("remove attribute %s: %w", name, err)
		}
		if !strings.HasPrefix(name, "trusted.overlay.") && !strings.HasPrefix(name, "user.overlay.") {
			foreign++
		}
	}
	return foreign, nil
}

func policy(name string) bool {
	for _, u := range unlabelled {
		if name == u {
			return true
		}
	}
	return false
}

func listxattr(path string) ([]string, error) {
	size, err := unix.Llistxattr(path, nil)
	if errors.Is(err, unix.EOPNOTSUPP) || size == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list attributes: %w", err)
	}
	buf := make([]byte, size)
	size, err = unix.Llistxattr(path, buf)
	if err != nil {
		return nil, fmt.Errorf("list attributes: %w", err)
	}
	return strings.Split(strings.TrimRight(string(buf[:size]), "\x00"), "\x00"), nil
}
