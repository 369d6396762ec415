package pluginhost

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// confine takes from the calling thread, for good, what a child of it shall not have: the chance to
// gain privileges by executing something, ambient capabilities, and, when the agent is root, every
// capability in the bounding set that id does not keep.
func confine(id identity) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	if !id.root {
		return nil
	}
	for number := uintptr(0); number <= unix.CAP_LAST_CAP; number++ {
		if slices.Contains(id.caps, number) {
			continue
		}
		held, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, number, 0, 0, 0)
		if err != nil || held == 0 {
			continue // not known to this kernel, or gone already
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, number, 0, 0, 0); err != nil {
			return fmt.Errorf("drop capability %d from the bounding set: %w", number, err)
		}
	}
	return nil
}
