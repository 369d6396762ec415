package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/left4me/left4me/agent/internal/config"
)

// A place is a file or directory that must have an owner and at most these rights.
type place struct {
	path string
	user string
	most fs.FileMode
	must bool // it is an error when it is missing
}

func places() []place {
	return []place{
		{"/var/lib/left4me", "root", 0o755, true},
		{"/var/lib/left4me/agent", "left4me", 0o700, true},
		{"/var/lib/left4me/content", "left4me-mounter", 0o711, true},
		{"/var/lib/left4me-web", "left4me-web", 0o700, true},
		{"/var/cache/left4me/overlay-workshop", "left4me-workshop", 0o700, true},
		{"/run/left4me", "left4me", 0o755, true},
		{"/run/left4me/servers", "left4me", 0o750, true},
		{"/etc/left4me", "root", 0o755, true},
		{"/etc/left4me/agent.hcl", "root", 0o640, true},
		{"/etc/left4me/web.env", "root", 0o640, true},
		{"/etc/left4me/mounter-kernel.json", "root", 0o644, true},
		{"/usr/bin/left4me", "root", 0o755, true},
		{"/usr/bin/left4me-web", "root", 0o755, true},
		{"/usr/lib/left4me/plugins", "root", 0o755, true},
		{"/usr/lib/left4me/sandbox/resolv.conf", "root", 0o644, true},
	}
}

// files checks owners and modes: of directories, of databases with their sidecars (S12), of what root alone may write.
func (e *examination) files(context.Context) {
	before := e.count()
	all := places()
	for dir, user := range map[string]string{"/var/lib/left4me/agent": "left4me", "/var/lib/left4me-web": "left4me-web"} {
		databases, _ := filepath.Glob(e.path(dir) + "/*.db*") // the pattern is well formed
		for _, path := range databases {
			all = append(all, place{strings.TrimPrefix(path, e.Root), user, 0o640, false})
		}
	}
	for _, p := range all {
		e.place(p)
	}
	if e.count() == before {
		e.ok("owners and modes of %d files and directories", len(all))
	}
	fresh, _ := filepath.Glob(e.path("/etc/left4me/*.new")) // the pattern is well formed
	for _, path := range fresh {
		path = strings.TrimPrefix(path, e.Root)
		old := strings.TrimSuffix(path, ".new")
		e.warn("Take over what you want, then remove it: diff "+old+" "+path, "There is a new default that nobody has looked at: %s.", path)
	}
}

func (e *examination) place(p place) {
	info, err := e.stat(p.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if p.must {
			e.fail(provisionHint, "%s is missing.", p.path)
		}
		return
	case err != nil:
		e.warn("Run it as root.", "%s cannot be looked at: %s.", p.path, errors.Unwrap(err))
		return
	}
	uid, known := e.uid(p.user)
	if !known {
		e.fail(provisionHint, "The user %s does not exist.", p.user)
	} else if owner(info) != uid {
		e.fail(provisionHint, "%s belongs to user %d and not to %s.", p.path, owner(info), p.user)
	}
	if mode := info.Mode().Perm(); mode&^p.most != 0 {
		e.fail(provisionHint, "%s has mode %04o; it may have %04o at most.", p.path, mode, p.most)
	}
}

// configuration checks the agent's configuration file.
func (e *examination) configuration(context.Context) {
	cfg, err := config.Load(e.path(e.Config))
	if err == nil {
		e.settings = cfg
		err = cfg.CheckHost()
	}
	var problems config.Problems
	switch {
	case err == nil:
		e.ok("%s is fine", e.Config)
	case errors.As(err, &problems) && e.settings != nil:
		for _, p := range problems {
			e.warn(p.Hint, "%s", p.Message)
		}
	case errors.Is(err, os.ErrPermission):
		e.warn("Run it as root.", "%s cannot be read.", e.Config)
	default:
		e.fail("Look into: left4me config check "+e.Config, "%s has problems, so the agent cannot start.", e.Config)
	}
}
