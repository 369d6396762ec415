package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/left4me/left4me/agent/internal/fault"
)

// acquire takes the lock file at path, which the kernel gives up when the process ends in any way. The
// file stays: removing it would let two agents lock two files of the same name.
func acquire(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The state directory cannot be written: %s.", path).
			WithHint("Give it to the user of the agent, and check that the disk is not full or mounted read-only.")
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		// Only for people: who reads the number takes the lock itself to know.
		err = errors.Join(file.Truncate(0), writeOwner(file))
		if errors.Is(err, syscall.ENOSPC) {
			err = nil
		}
	}
	if err == nil {
		return file, nil
	}
	owner, _ := io.ReadAll(io.LimitReader(file, 32)) // unknown is fine
	_ = file.Close()
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fault.Wrap(err, fault.Unavailable, "The lock file %s cannot be used.", path).
			WithHint("Put the state directory on a local disk.")
	}
	who := "Another agent"
	if pid := strings.TrimSpace(string(owner)); pid != "" {
		who = fmt.Sprintf("Another agent (process %s)", pid)
	}
	return nil, fault.Wrap(err, fault.Unavailable, "%s uses this state directory: %s is locked.", who, path).
		WithHint("Stop it first, or give this one a state directory of its own.")
}

func writeOwner(file *os.File) error {
	_, err := fmt.Fprintf(file, "%d\n", os.Getpid())
	return err
}
