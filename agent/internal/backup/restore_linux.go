package backup

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/sqlite"
)

// Restored is what a restore brought back, and what is to be made again.
type Restored struct {
	Manifest Manifest      `json:"manifest"`
	Files    int           `json:"files"`
	Kept     []string      `json:"kept"`    // files of this host that were moved aside
	Rebuild  sqlite.Recipe `json:"rebuild"` // what is only known by its recipe now
}

// Restore puts the backup in source back onto a provisioned host below root. All of the archive is checked before the
// first file is written. It refuses a host whose agent runs or that has servers of its own; files in its way are moved
// aside.
func Restore(ctx context.Context, source, root string) (Restored, error) {
	if err := sqlite.Idle(filepath.Join(root, databases()["agent.db"].path)); err != nil {
		return Restored{}, err
	}
	manifest, err := Verify(ctx, source)
	if err != nil {
		return Restored{}, err
	}
	r := &reader{root: root, out: Restored{Manifest: manifest}}
	if r.names, err = readNames(root); err != nil {
		return r.out, err
	}
	if err := r.ready(); err != nil {
		return r.out, err
	}
	defer r.servers.Close()
	if err := each(ctx, source, r.put); err != nil {
		return r.out, err
	}
	r.out.Rebuild, err = sqlite.Uproot(ctx, filepath.Join(root, databases()["agent.db"].path))
	return r.out, errors.Join(err, r.own("agent.db"))
}

// each calls do for every entry of an archive, in order.
func each(ctx context.Context, source string, do func(*tar.Header, io.Reader) error) error {
	file, err := os.Open(source)
	if err != nil {
		return fault.Wrap(err, fault.NotFound, "The backup %s cannot be read.", source).WithHint("Check the path.")
	}
	defer file.Close()
	packed, err := gzip.NewReader(file)
	if err != nil {
		return broken(err, source)
	}
	entries := tar.NewReader(packed)
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			// The checksum of gzip comes after the end of the tar file.
			if _, err := io.Copy(io.Discard, packed); err != nil {
				return broken(err, source)
			}
			return nil
		}
		if err != nil {
			return broken(err, source)
		}
		if err := errors.Join(ctx.Err(), do(header, entries)); err != nil {
			return err
		}
	}
}

func broken(err error, source string) error {
	return fault.Wrap(err, fault.Invalid, "The backup %s is damaged or no backup.", source).WithHint("Use another copy of it.")
}

// reader is one restore.
type reader struct {
	root    string
	names   names
	servers *os.Root
	out     Restored
}

// ready opens the directory of servers. Those of this host could be mounted or have another meaning of the same port.
func (r *reader) ready() error {
	content := filepath.Join(r.root, contentDir)
	if _, err := os.Stat(content); err != nil {
		return fault.Wrap(err, fault.Precondition, "This host has no content directory, so it is not provisioned.").WithHint("Run: left4me provision")
	}
	dir := filepath.Join(content, serversDir)
	err := os.Mkdir(dir, 0o711)
	if err == nil {
		err = os.Lchown(dir, r.names.uids[mounter], r.names.gids[mounter])
	} else if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if serverID.MatchString(entry.Name()) {
			return fault.New(fault.Conflict, "This host has servers of its own: %s.", filepath.Join(dir, entry.Name())).
				WithHint("Restore onto a host without servers, or delete them and move that directory away.")
		}
	}
	r.servers, err = os.OpenRoot(dir)
	return err
}

// put writes one entry. Verify has seen all names.
func (r *reader) put(h *tar.Header, content io.Reader) error {
	if h.Name == manifestName || h.Name == sumsName {
		return nil
	}
	at, ok := locate(h.Name)
	switch {
	case !ok:
		return fmt.Errorf("%s belongs nowhere", h.Name)
	case at.database != "":
		return r.database(at.database, content)
	case at.config != "":
		return r.config(h, at.config, content)
	}
	r.out.Files++
	return r.upper(h, at, content)
}

func (r *reader) database(name string, content io.Reader) error {
	to := databases()[name]
	path := filepath.Join(r.root, to.path)
	for _, old := range []string{path, path + "-wal", path + "-shm"} {
		if err := r.aside(old); err != nil {
			return err
		}
	}
	if err := write(path, content, 0o640); err != nil {
		return err
	}
	return r.own(name)
}

// own gives a database and its sidecars to the program that writes it (S12).
func (r *reader) own(name string) error {
	to := databases()[name]
	for _, end := range []string{"", "-wal", "-shm", ".lock"} {
		err := os.Lchown(filepath.Join(r.root, to.path)+end, r.names.uids[to.user], r.names.gids[to.user])
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// config puts a file of the configuration back, but not the mounter's, which has the numbers of this host's users.
func (r *reader) config(h *tar.Header, name string, content io.Reader) error {
	if name == "mounter-kernel.json" {
		return nil
	}
	path := filepath.Join(r.root, configDir, name)
	if err := r.aside(path); err != nil {
		return err
	}
	if err := write(path, content, fs.FileMode(h.Mode)&0o640); err != nil {
		return err
	}
	uid, gid := r.names.owner(h, "root")
	return os.Lchown(path, uid, gid)
}

// aside moves a file out of the way.
func (r *reader) aside(path string) error {
	kept := path + ".before-restore"
	err := os.Rename(path, kept)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	r.out.Kept = append(r.out.Kept, kept)
	return err
}

func write(path string, content io.Reader, mode fs.FileMode) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
}

// Manifest of an archive that was checked.
func decodeManifest(data []byte, source string) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil || m.Format == 0 {
		return m, broken(err, source)
	}
	if m.Format > format {
		return m, fault.New(fault.Precondition, "The backup %s was made by a newer left4me (%s).", source, m.Version).WithHint("Install that version first.")
	}
	return m, nil
}
