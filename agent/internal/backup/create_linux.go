package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/sqlite"
)

// Options of a backup.
type Options struct {
	Root    string // stands for "/"
	Version string // of left4me
	Host    string
	Now     time.Time
}

// Result is what a backup holds.
type Result struct {
	Servers int      `json:"servers"`
	Files   int      `json:"files"`
	Bytes   int64    `json:"bytes"` // before compression
	Notes   []string `json:"notes"` // what is not as it should be in it
}

// Create writes a backup to target, which must not exist. Servers and the agent may run; what a server writes meanwhile
// may be in it half. The archive is for root alone: it has secrets in it.
func Create(ctx context.Context, target string, options Options) (Result, error) {
	file, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return Result{}, fault.Wrap(err, fault.Conflict, "The file %s exists already.", target).WithHint("Name another one.")
	}
	if err != nil {
		return Result{}, fault.Wrap(err, fault.Precondition, "The file %s cannot be made.", target).WithHint("Check the directory and its space.")
	}
	w := &writer{ctx: ctx, Options: options}
	packed := gzip.NewWriter(file)
	w.tar = tar.NewWriter(packed)
	err = w.all()
	err = errors.Join(err, w.tar.Close(), packed.Close(), file.Sync(), file.Close())
	if err != nil {
		return w.result, errors.Join(err, os.Remove(target))
	}
	return w.result, nil
}

// writer is one backup.
type writer struct {
	Options
	ctx    context.Context //nolint:containedctx // of this one backup
	tar    *tar.Writer
	sums   bytes.Buffer
	names  names
	result Result
}

func (w *writer) all() error {
	manifest, err := Manifest{Format: format, Version: w.Version, Created: w.Now.UTC(), Host: w.Host}.encode()
	if err != nil {
		return err
	}
	if w.names, err = readNames(w.Root); err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return w.bytes(manifestName, manifest) },
		w.databases, w.config, w.servers,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return w.bytes(sumsName, w.sums.Bytes())
}

func (w *writer) bytes(name string, data []byte) error {
	return w.file(tar.Header{Name: name, Mode: 0o600, ModTime: w.Now}, bytes.NewReader(data), int64(len(data)))
}

// file writes a regular file of exactly size bytes, and its sum.
func (w *writer) file(header tar.Header, content io.Reader, size int64) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	header.Typeflag, header.Size, header.Format = tar.TypeReg, size, tar.FormatPAX
	if err := w.tar.WriteHeader(&header); err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w.tar, sum), io.LimitReader(content, size))
	if err != nil {
		return err
	}
	if n < size { // it was cut while it was read; the archive goes on with zeros
		w.note("%s became shorter while it was read.", header.Name)
		if _, err := io.CopyN(io.MultiWriter(w.tar, sum), zeros{}, size-n); err != nil {
			return err
		}
	}
	w.result.Files++
	w.result.Bytes += size
	fmt.Fprintf(&w.sums, "%x  %s\n", sum.Sum(nil), header.Name)
	return nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func (w *writer) note(format string, args ...any) {
	w.result.Notes = append(w.result.Notes, fmt.Sprintf(format, args...))
}

// databases copies each as one state of it, although it is in use.
func (w *writer) databases() error {
	for _, name := range []string{"agent.db", "panel.db"} {
		source := filepath.Join(w.Root, databases()[name].path)
		if _, err := os.Stat(source); errors.Is(err, fs.ErrNotExist) {
			w.note("There is no %s.", source)
			continue
		}
		if err := w.database(name, source); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) database(name, source string) error {
	dir, err := os.MkdirTemp(filepath.Dir(source), ".backup-*") // on the same disk, for root alone
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // the next backup's is another
	copied := filepath.Join(dir, name)
	if err := sqlite.Copy(w.ctx, source, copied); err != nil {
		return err
	}
	file, err := os.Open(copied)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return w.file(tar.Header{Name: name, Mode: 0o640, ModTime: w.Now}, file, info.Size())
}

// config takes the files of the configuration directory, without those that a person has still to look at.
func (w *writer) config() error {
	entries, err := os.ReadDir(filepath.Join(w.Root, configDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !configName.MatchString(entry.Name()) || path.Ext(entry.Name()) == ".new" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(w.Root, configDir, entry.Name()))
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		header := w.names.header(info)
		header.Name = "etc/" + entry.Name()
		if err := w.file(header, bytes.NewReader(data), int64(len(data))); err != nil {
			return err
		}
	}
	return nil
}
