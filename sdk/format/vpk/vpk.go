// Package vpk reads Valve pack files: the archives that Left 4 Dead 2 add-ons come in.
//
// A pack starts with a header (version 1: 12 bytes, version 2: 28 bytes, little endian), followed by a
// tree of names and, in a single-file pack, by the data of the files. Left 4 Dead 2 writes version 1;
// both are read. The format is described on Valve's developer wiki, "VPK (file format)".
//
// Packs come from strangers. [NewReader] bounds everything it reads by the size of the file and by
// [MaxTree] and [MaxEntries], refuses a tree that does not end where the header says, and never turns a
// name into a path. [File.Open] and [Reader.Verify] check the checksum of each file. [Checker] does the
// same for a pack that is still being downloaded, without reading it twice.
//
// Tolerated, because real packs have it: names in any case (lookups ignore case), either slash, zero bytes
// after the tree, a missing terminator after an entry, and data that no entry refers to.
package vpk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Magic is the first four bytes of every pack, as a little endian number.
const Magic = 0x55AA1234

// Limits that a pack must keep.
const (
	MaxTree    = 64 << 20  // bytes of the tree
	MaxEntries = 1_000_000 // files
	MaxName    = 1024      // bytes of one part of a name
)

// Faults of a pack. Errors of this package wrap one of them; use errors.Is.
var (
	ErrNotVPK    = errors.New("not a VPK file")          // the magic is missing: usually an HTML page or a picture
	ErrTruncated = errors.New("the VPK file is cut off") // the header promises more than there is
	ErrMalformed = errors.New("the VPK file is damaged") // the tree breaks the format or a limit
	ErrChecksum  = errors.New("a file in the VPK has a wrong checksum")
)

// inThisFile is the archive index of data that is in the pack itself, not in a numbered part.
const inThisFile = 0x7FFF

// File is one file of a pack.
type File struct {
	Name    string // slash separated, as written in the pack: any case, and never safe as a path
	Size    int64  // bytes, preload included
	CRC     uint32 // CRC-32 (IEEE) of the content
	Archive int    // number of the part that holds the data, -1 when it is this file

	offset  int64 // of the data after the preload, from the start of the file that holds it
	length  int64 // bytes at offset
	preload []byte
	reader  *Reader
}

// Reader gives access to one pack. It is safe for concurrent use if its io.ReaderAt is.
type Reader struct {
	Version int // 1 or 2
	files   []*File
	index   map[string]*File
	source  io.ReaderAt
	size    int64
	part    func(index int) (io.ReaderAt, int64, error)
	closer  io.Closer
}

// NewReader reads the header and the tree of a pack of size bytes.
func NewReader(source io.ReaderAt, size int64) (*Reader, error) {
	head, err := readHead(source, size)
	if err != nil {
		return nil, err
	}
	tree := make([]byte, head.treeSize)
	if err := readFull(source, tree, head.length); err != nil {
		return nil, err
	}
	files, err := parseTree(tree, head)
	if err != nil {
		return nil, err
	}
	reader := &Reader{Version: head.version, files: files, source: source, size: size}
	reader.index = make(map[string]*File, len(files))
	for _, file := range files {
		file.reader = reader
		if _, taken := reader.index[fold(file.Name)]; !taken {
			reader.index[fold(file.Name)] = file
		}
	}
	return reader, nil
}

// Open opens the pack in a regular file. The numbered parts of a set are found when path ends in "_dir.vpk".
// Close it after use.
func Open(path string) (*Reader, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: not a regular file", ErrNotVPK)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	reader, err := NewReader(file, info.Size())
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	reader.closer = file
	if base, isSet := strings.CutSuffix(path, "_dir.vpk"); isSet {
		parts := &partSet{base: base}
		reader.part, reader.closer = parts.open, closers{file, parts}
	}
	return reader, nil
}

// Close releases what Open opened.
func (r *Reader) Close() error {
	if r.closer == nil {
		return nil
	}
	return r.closer.Close()
}

// Files returns the files in the order of the tree. The slice must not be changed.
func (r *Reader) Files() []*File { return r.files }

// Lookup finds a file by name, ignoring case and the kind of slash; nil if there is none. If names differ only
// in case, the first one in the tree is found.
func (r *Reader) Lookup(name string) *File { return r.index[fold(name)] }

// fold is the form of a name that lookups compare.
func fold(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, `\`, "/"))
}
