package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// maxEntries bounds an archive that has no other limit.
const maxEntries = 200_000

// unpacker writes one archive into the staging tree.
type unpacker struct {
	ctx          context.Context //nolint:containedctx // it lives as long as one call
	b            *builder.Build[settings]
	files, bytes uint64
	skipped      int
}

// unpack replaces the tree's content by the archive's.
func unpack(ctx context.Context, b *builder.Build[settings], archive *os.File) error {
	if err := empty(b.Dir); err != nil {
		return sdk.Wrap(err, sdk.CodePrecondition, "The overlay's tree cannot be written.")
	}
	u := &unpacker{ctx: ctx, b: b}
	var err error
	switch formatOf(b.Settings.URL) {
	case "zip":
		err = u.zip(archive)
	case "tar":
		err = u.tar(archive)
	default:
		var plain *gzip.Reader
		if plain, err = gzip.NewReader(archive); err == nil {
			err = u.tar(plain)
		}
	}
	if err != nil {
		return explain(err)
	}
	if u.files == 0 {
		return sdk.Errorf(sdk.CodeInvalid, "The archive leaves no file.").WithHint("Look at \"strip\": it may take away too much.").WithField("/strip")
	}
	if u.skipped > 0 {
		b.Logf("%d entries that are neither file nor directory were left out.", u.skipped)
	}
	b.Logf("%d files, %d bytes.", u.files, u.bytes)
	return nil
}

// explain keeps errors that are explained, and blames the archive for the rest.
func explain(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, ok := errors.AsType[*sdk.Error](err); ok {
		return err
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return sdk.Wrap(err, sdk.CodeInvalid, "A file of the archive cannot be written.").WithHint("Look at its names, and at the disk.")
	}
	return sdk.Wrap(err, sdk.CodeInvalid, "The archive is damaged, or of another format.").WithHint("Open it by hand.").WithField("/url")
}

func empty(dir *os.Root) error {
	entries, err := fs.ReadDir(dir.FS(), ".")
	for _, entry := range entries {
		err = errors.Join(err, dir.RemoveAll(entry.Name()))
	}
	return err
}

func (u *unpacker) zip(archive *os.File) error {
	info, err := archive.Stat()
	if err != nil {
		return err
	}
	reader, err := zip.NewReader(archive, info.Size())
	if err != nil {
		return err
	}
	total := uint64(len(reader.File))
	for i, entry := range reader.File {
		if err := u.zipEntry(entry); err != nil {
			return err
		}
		if i%64 == 0 || uint64(i+1) == total {
			u.b.Progress(builder.Progress{Phase: "unpack", Unit: builder.Files, Done: uint64(i + 1), Total: total})
		}
	}
	return nil
}

func (u *unpacker) zipEntry(entry *zip.File) error {
	content, err := entry.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	return u.entry(entry.Name, entry.Mode(), content)
}

func (u *unpacker) tar(archive io.Reader) error {
	reader := tar.NewReader(archive)
	for done := uint64(1); ; done++ {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		mode := header.FileInfo().Mode()
		if header.Typeflag == tar.TypeLink {
			mode = fs.ModeIrregular
		}
		if err := u.entry(header.Name, mode, reader); err != nil {
			return err
		}
		if done%64 == 0 {
			u.b.Progress(builder.Progress{Phase: "unpack", Unit: builder.Files, Done: done})
		}
	}
}

// entry writes one entry. Only what it is called and holds counts: links, devices, owners and modes stay outside.
func (u *unpacker) entry(name string, mode fs.FileMode, content io.Reader) error {
	if err := u.ctx.Err(); err != nil {
		return err
	}
	name, ok, err := u.place(name)
	switch {
	case err != nil || !ok:
		return err
	case mode.IsDir():
		return u.b.Dir.MkdirAll(name, 0o755)
	case !mode.IsRegular():
		u.skipped++
		return nil
	}
	u.files++
	if most := u.b.Limits.MaxFiles; most > 0 && u.files > most || u.files > maxEntries {
		return sdk.Errorf(sdk.CodeInvalid, "The archive has more files than the overlay may have.").WithHint("Raise the overlay's limit.")
	}
	if err := u.b.Dir.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	file, err := u.b.Dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(u.copy(file, content), file.Close())
}

// copy bounds what comes out by what is left of the limit, whatever the archive says of its size.
func (u *unpacker) copy(file io.Writer, content io.Reader) error {
	content = &canceledReader{u.ctx, content}
	most := u.b.Limits.MaxBytes
	if most > 0 {
		content = io.LimitReader(content, int64(min(most-u.bytes+1, 1<<62)))
	}
	n, err := io.Copy(file, content)
	u.bytes += uint64(n)
	if most > 0 && u.bytes > most {
		return sdk.Errorf(sdk.CodeInvalid, "The archive holds more than the %d bytes that the overlay may have.", most).WithHint("Raise the overlay's limit.")
	}
	return err
}

// place returns where an entry belongs; ok is false for what "strip" takes away. A name that leads out is an attack, not a
// mistake, and ends the build.
func (u *unpacker) place(name string) (string, bool, error) {
	name = strings.TrimPrefix(strings.TrimSuffix(strings.ReplaceAll(name, `\`, "/"), "/"), "./")
	if name == "" || name == "." {
		return "", false, nil
	}
	if !fs.ValidPath(name) {
		return "", false, sdk.Errorf(sdk.CodeInvalid, "The archive has the name %.200q, which leads out of it.", name).WithHint("Do not use this archive.")
	}
	parts := strings.Split(name, "/")
	if len(parts) <= u.b.Settings.Strip {
		return "", false, nil
	}
	return path.Join(u.b.Settings.Into, path.Join(parts[u.b.Settings.Strip:]...)), true, nil
}
