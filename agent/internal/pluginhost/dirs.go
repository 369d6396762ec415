package pluginhost

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/left4me/left4me/agent/internal/fault"
)

const (
	maxSocketPath = 107                                                     // what a unix socket address holds, in bytes
	socketTail    = len("/plugin-dir0123456789") + len("/plugin0123456789") // what go-plugin adds
)

// dirs are a plugin's directories.
type dirs struct {
	sockets    string
	state      string // "" = none
	cache      string
	socketRoot string // parents, made passable
	stateRoot  string
}

func newDirs(options Options, p Plugin) dirs {
	d := dirs{socketRoot: filepath.Join(options.RuntimeDir, "plugins")}
	d.sockets = filepath.Join(d.socketRoot, p.Name)
	if options.StateDir != "" && p.Launch.Mode == ModeExec {
		d.stateRoot = options.StateDir
		d.state = filepath.Join(options.StateDir, "plugins", p.Name)
		d.cache = filepath.Join(options.StateDir, "cache", p.Name)
	}
	return d
}

// prepare makes the directories for a start: an empty one for sockets, whatever a killed plugin left
// there, and the lasting ones owned by the plugin. Other users can pass through their parents but see
// nothing.
func (d dirs) prepare(id identity) *problem {
	if length := len(d.sockets) + socketTail; length > maxSocketPath {
		return lasting(fault.Precondition, "cannot be started: the path of its socket would have %d bytes, a unix socket takes %d.", length, maxSocketPath).
			withHint("Set runtime_dir to a shorter path, for example below /run.")
	}
	err := passable(d.socketRoot)
	if err == nil {
		err = os.RemoveAll(d.sockets) // never a mount point: it is in the runtime directory
	}
	if err == nil {
		err = passable(d.sockets)
	}
	for _, dir := range []string{d.state, d.cache} {
		if err == nil && dir != "" {
			err = own(dir, id)
		}
	}
	if err != nil {
		return passing(err, "cannot be started: its directories cannot be made (%v).", err).
			withHint("Check runtime_dir and state_dir, and who owns them.")
	}
	return nil
}

func (d dirs) cleanSockets() { _ = os.RemoveAll(d.sockets) } // the next start tries again

func passable(dir string) error {
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return err
	}
	return os.Chmod(dir, 0o711)
}

// own makes a directory that belongs to id alone.
func own(dir string, id identity) error {
	if err := passable(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if !id.change {
		return nil
	}
	if err := os.Chown(dir, int(id.uid), int(id.gid)); err != nil {
		return fmt.Errorf("give it to user %d: %w", id.uid, err)
	}
	return nil
}
