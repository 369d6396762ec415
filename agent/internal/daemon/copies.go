package daemon

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
)

// copiesKept is how many copies of the database schedules keep. Their names sort by time.
const copiesKept = 7

// copyDatabase writes a copy of the database into the state directory, while it is in use, and drops older ones.
func (a *Agent) copyDatabase(ctx context.Context) error {
	dir := filepath.Join(a.config.StateDir, "backups")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.Wrap(err, fault.Unavailable, "The directory for copies of the database cannot be made.").WithHint("Look at the state directory's owner and free space.")
	}
	name := filepath.Join(dir, "agent-"+time.Now().UTC().Format("20060102T150405.000Z")+".db")
	part := name + ".part"
	if err := a.db.Backup(ctx, part); err != nil {
		_ = os.Remove(part)
		return err
	}
	if err := os.Chmod(part, 0o600); err != nil {
		return err
	}
	if err := os.Rename(part, name); err != nil {
		return err
	}
	return dropCopies(dir)
}

// dropCopies removes all but the newest copies, and what a crash left of one.
func dropCopies(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var copies []string
	for _, entry := range entries {
		switch name := entry.Name(); {
		case strings.HasSuffix(name, ".part"):
			_ = os.Remove(filepath.Join(dir, name))
		case strings.HasPrefix(name, "agent-") && strings.HasSuffix(name, ".db"):
			copies = append(copies, name)
		}
	}
	slices.Sort(copies)
	for _, name := range copies[:max(len(copies)-copiesKept, 0)] {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}
