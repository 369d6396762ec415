package installation

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/job"
)

// steamInf holds the game's version, below the installation.
const steamInf = "left4dead2/steam.inf"

// Directory is a Source that copies an installation that lies on this host already.
type Directory struct {
	Path string
}

// Fresh reports that a copy starts from nothing: what the directory lost must not stay.
func (Directory) Fresh() bool { return true }

// Newest says which version lies in the directory.
func (d Directory) Newest(_ context.Context, _ Release) (Newest, error) {
	root, err := d.open()
	if err != nil {
		return Newest{}, err
	}
	defer root.Close()
	version, err := readVersion(root)
	return Newest{Build: version}, err
}

// Fetch copies the directory. Regular files, directories and relative symbolic links are copied; anything
// else is refused, because an installation holds nothing else.
func (d Directory) Fetch(ctx context.Context, request Request, report Report) (Fetched, error) {
	from, err := d.open()
	if err != nil {
		return Fetched{}, err
	}
	defer from.Close()
	to, err := os.OpenRoot(request.Dir)
	if err != nil {
		return Fetched{}, err
	}
	defer to.Close()
	copier := &copier{ctx: ctx, from: from, to: to, report: report}
	if err := copier.count(); err != nil {
		return Fetched{}, err
	}
	if err := fs.WalkDir(from.FS(), ".", copier.visit); err != nil {
		return Fetched{}, err
	}
	version, err := readVersion(to)
	return Fetched{Version: version, Build: version}, err
}

// open opens the directory if a game lies in it.
func (d Directory) open() (*os.Root, error) {
	if info, err := os.Stat(d.Path); err != nil || !info.IsDir() {
		return nil, fault.Wrap(err, fault.Precondition, "The installation directory %s cannot be read.", d.Path).
			WithHint("Set installation.path in the config to a directory with srcds_run in it.")
	}
	from, err := os.OpenRoot(d.Path)
	if err != nil {
		return nil, err
	}
	if _, err := from.Stat("srcds_run"); err != nil {
		return nil, errors.Join(fault.Wrap(err, fault.Precondition, "%s is no game installation: srcds_run is missing.", d.Path).
			WithHint("Set installation.path in the config to a directory with srcds_run in it."), from.Close())
	}
	return from, nil
}

// copier copies a tree and says how far it is.
type copier struct {
	ctx         context.Context
	from, to    *os.Root
	report      Report
	done, total uint64 // bytes
}

func (c *copier) count() error {
	return fs.WalkDir(c.from.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			c.total += uint64(info.Size())
		}
		return c.ctx.Err()
	})
}

func (c *copier) visit(path string, entry fs.DirEntry, err error) error {
	if err == nil {
		err = c.ctx.Err()
	}
	if err != nil || path == "." {
		return err
	}
	switch entry.Type() {
	case fs.ModeDir:
		if err := c.to.Mkdir(path, 0o755); !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	case fs.ModeSymlink:
		target, err := c.from.Readlink(path)
		if err != nil {
			return err
		}
		return c.to.Symlink(target, path)
	case 0:
		return c.file(path)
	}
	return fault.New(fault.Invalid, "The installation holds %s, which is no file, directory or link.", filepath.ToSlash(path)).
		WithHint("Remove it and install again.")
}

func (c *copier) file(path string) error {
	in, err := c.from.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := c.to.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644|info.Mode().Perm()&0o111)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	c.done += uint64(info.Size())
	c.report.Progress(job.Progress{Phase: "copy", Unit: "bytes", Done: min(c.done, c.total), Total: c.total})
	return err
}

// readVersion returns PatchVersion of steam.inf, or "" without one.
func readVersion(root *os.Root) (string, error) {
	file, err := root.Open(steamInf)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	lines := bufio.NewScanner(io.LimitReader(file, 64<<10))
	for lines.Scan() {
		if version, found := strings.CutPrefix(strings.TrimSpace(lines.Text()), "PatchVersion="); found {
			return version, nil
		}
	}
	return "", lines.Err()
}
