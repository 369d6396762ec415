package merged

import (
	"bytes"
	"context"
	"io"

	"github.com/left4me/left4me/agent/internal/fault"
)

// maxRead is what the mounter reads at once, in bytes.
const maxRead = 1 << 20

// File is a regular file in a stack. It is not safe for concurrent use.
type File struct {
	Size  int64
	Layer string // label
	read  func(ctx context.Context, offset, length int64) ([]byte, int64, error)
	mask  []byte
	at    int64
	ctx   context.Context
}

// Open opens the file that the game sees under a path, or with a label that of one layer. mask is a secret: where it
// stands in the file, asterisks are read. ctx bounds all reads. NotFound: nothing is there, or it was deleted;
// Precondition: it is no regular file.
func (s Stack) Open(ctx context.Context, name, label, mask string) (*File, error) {
	if err := CheckPath(name); err != nil {
		return nil, err
	}
	if label == "" {
		item, err := s.Find(ctx, name)
		if err != nil {
			return nil, err
		}
		if item.Deleted {
			return nil, fault.New(fault.NotFound, "The server deleted %.200q.", name).WithHint("Reset it to bring it back, or read it from a layer below.")
		}
		if item.Kind != "file" {
			return nil, fault.New(fault.Precondition, "%.200q is a %s and not a file.", name, item.Kind).WithHint("Links and the like are shown and never followed.")
		}
		label = item.Layer
	}
	f := &File{Layer: label, mask: []byte(mask), ctx: ctx}
	if f.read = s.reader(name, label); f.read == nil {
		return nil, fault.New(fault.NotFound, "The server has no layer %.100q.", label).WithField("layer").
			WithHint("Layers are server, overlay/NAME and game.")
	}
	_, size, err := f.read(ctx, 0, 0)
	f.Size = size
	return f, err
}

func (s Stack) reader(name, label string) func(ctx context.Context, offset, length int64) ([]byte, int64, error) {
	if label == Upper {
		return func(ctx context.Context, offset, length int64) ([]byte, int64, error) {
			return s.Disk.ReadUpperFile(ctx, s.Server, name, offset, length)
		}
	}
	for _, layer := range s.Layers {
		if layer.Label == label {
			return func(ctx context.Context, offset, length int64) ([]byte, int64, error) {
				return s.Disk.ReadFile(ctx, layer.Layer, name, offset, length)
			}
		}
	}
	return nil
}

// Seek implements io.Seeker.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += f.Size
	}
	if offset < 0 {
		return 0, fault.New(fault.Invalid, "A file begins at byte 0.")
	}
	f.at = offset
	return offset, nil
}

// Read implements io.Reader. A file that became shorter since Open ends with io.ErrUnexpectedEOF.
func (f *File) Read(p []byte) (int, error) {
	if f.at >= f.Size {
		return 0, io.EOF
	}
	// A secret can begin before what is asked for and end behind it.
	margin := int64(max(len(f.mask)-1, 0))
	length := min(int64(len(p)), f.Size-f.at, maxRead-2*margin)
	from := max(f.at-margin, 0)
	data, _, err := f.read(f.ctx, from, f.at-from+length+margin)
	if err != nil {
		return 0, err
	}
	if len(f.mask) > 0 {
		data = bytes.ReplaceAll(data, f.mask, bytes.Repeat([]byte("*"), len(f.mask)))
	}
	if int64(len(data)) <= f.at-from {
		return 0, io.ErrUnexpectedEOF
	}
	data = data[f.at-from:]
	n := copy(p[:length], data)
	f.at += int64(n)
	return n, nil
}
