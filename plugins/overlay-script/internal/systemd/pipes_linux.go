package systemd

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
	"github.com/left4me/left4me/plugins/overlay-script/internal/view"
)

// pipes are the plugin's side of a run's directory. Each is open for reading and writing here, so that opening never
// waits and no end comes before the plugin says so.
type pipes struct {
	dir                          string
	stdout, stderr, status, life *os.File
}

// hand gives a run what it needs: pipes, files and, last, the request.
func hand(dir string, spec sandbox.Spec, offline bool, hosts map[string]netip.Addr, resolvers []netip.Addr) (*pipes, error) {
	p := &pipes{dir: dir}
	for name, file := range map[string]**os.File{stdoutName: &p.stdout, stderrName: &p.stderr, statusName: &p.status, lifeName: &p.life} {
		path := filepath.Join(dir, name)
		if err := unix.Mkfifo(path, 0o600); err != nil {
			return p, fmt.Errorf("make a pipe: %w", err)
		}
		opened, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK, 0)
		if err != nil {
			return p, err
		}
		*file = opened
	}
	files := view.Etc(os.Getuid(), os.Getgid(), hosts, resolvers)
	files[scriptName] = spec.Script
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o444); err != nil {
			return p, err
		}
	}
	order := request{
		Interpreter: spec.Interpreter, Environment: spec.Environment, Offline: offline,
		FileSize: spec.Limits.FileSize, Tasks: spec.Limits.Tasks, TmpSize: spec.Limits.TmpSize,
	}
	tree := spec.Dir
	if tree == "" {
		tree = probeTree
	}
	var stat unix.Stat_t
	if err := unix.Stat(tree, &stat); err != nil {
		return p, fmt.Errorf("look at the tree %s: %w", tree, err)
	}
	order.Device, order.Inode = stat.Dev, stat.Ino
	text, err := json.Marshal(order)
	if err != nil {
		return p, err
	}
	path := filepath.Join(dir, requestName)
	return p, errors.Join(os.WriteFile(path+".new", text, 0o400), os.Rename(path+".new", path))
}

// release removes what the script must not get at: both sides have it open. Then it gives the word to go on.
func (p *pipes) release() error {
	for _, name := range []string{requestName, stdoutName, stderrName, statusName, lifeName} {
		if err := os.Remove(filepath.Join(p.dir, name)); err != nil {
			return err
		}
	}
	_, err := p.life.Write([]byte("\n"))
	return err
}

func (p *pipes) close() {
	for _, file := range []*os.File{p.stdout, p.stderr, p.status, p.life} {
		if file != nil {
			_ = file.Close()
		}
	}
}
