package vpk

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"sync"
)

// Open returns the content of the file. The last Read fails with [ErrChecksum] if the content does not
// fit its checksum, and the first with [ErrTruncated] if the pack is too short for it.
func (f *File) Open() (io.Reader, error) {
	source, size, err := f.reader.holder(f)
	if err != nil {
		return nil, err
	}
	if f.offset+f.length > size {
		return nil, fmt.Errorf("%w: %q needs bytes up to %d of %d", ErrTruncated, f.Name, f.offset+f.length, size)
	}
	content := io.MultiReader(&sliceReader{rest: f.preload}, io.NewSectionReader(source, f.offset, f.length))
	return &checkedReader{from: content, sum: crc32.NewIEEE(), file: f}, nil
}

// ReadAll returns the content of a file of at most limit bytes.
func (f *File) ReadAll(limit int64) ([]byte, error) {
	if f.Size > limit {
		return nil, fmt.Errorf("%w: %q has %d bytes, %d are allowed", ErrMalformed, f.Name, f.Size, limit)
	}
	from, err := f.Open()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(from)
}

// Verify reads everything and joins what is wrong, at most ten faults. It stops when ctx ends.
func (r *Reader) Verify(ctx context.Context) error {
	if err := checkOverlap(r.files, r.size); err != nil {
		return err
	}
	var faults []error
	for _, file := range r.files {
		if err := ctx.Err(); err != nil {
			return err
		}
		from, err := file.Open()
		if err == nil {
			_, err = io.Copy(io.Discard, from)
		}
		if err != nil {
			faults = append(faults, err)
		}
		if len(faults) == 10 {
			break
		}
	}
	return errors.Join(faults...)
}

// holder returns what holds the data of f.
func (r *Reader) holder(f *File) (io.ReaderAt, int64, error) {
	if f.Archive < 0 || f.length == 0 {
		return r.source, max(r.size, f.offset), nil
	}
	if r.part == nil {
		return nil, 0, fmt.Errorf("%w: %q is in part %03d, which is not there", ErrTruncated, f.Name, f.Archive)
	}
	return r.part(f.Archive)
}

// sliceReader reads a byte slice once. (A bytes.Reader would do, but is three words larger for each file.)
type sliceReader struct{ rest []byte }

func (s *sliceReader) Read(into []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(into, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

type checkedReader struct {
	from io.Reader
	sum  hash.Hash32
	file *File
}

func (c *checkedReader) Read(into []byte) (int, error) {
	n, err := c.from.Read(into)
	_, _ = c.sum.Write(into[:n]) // a hash never fails
	if errors.Is(err, io.EOF) && c.sum.Sum32() != c.file.CRC {
		return n, fmt.Errorf("%w: %q", ErrChecksum, c.file.Name)
	}
	return n, err
}

// partSet opens the numbered parts of a set when they are first needed.
type partSet struct {
	base  string
	mu    sync.Mutex
	files map[int]*os.File
}

func (p *partSet) open(index int) (io.ReaderAt, int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	file := p.files[index]
	if file == nil {
		opened, err := os.Open(fmt.Sprintf("%s_%03d.vpk", p.base, index))
		if err != nil {
			return nil, 0, err
		}
		if p.files == nil {
			p.files = make(map[int]*os.File)
		}
		file, p.files[index] = opened, opened
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	return file, info.Size(), nil
}

func (p *partSet) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var faults []error
	for _, file := range p.files {
		faults = append(faults, file.Close())
	}
	p.files = nil
	return errors.Join(faults...)
}

type closers []io.Closer

func (c closers) Close() error {
	var faults []error
	for _, closer := range c {
		faults = append(faults, closer.Close())
	}
	return errors.Join(faults...)
}
