package vpk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// header is the decoded start of a pack.
type header struct {
	version  int
	length   int64 // bytes before the tree
	treeSize int64
}

// minHeader is the length of the version 1 header, and of the part that both versions share.
const minHeader = 12

func readHead(source io.ReaderAt, size int64) (header, error) {
	if size < 4 {
		return header{}, fmt.Errorf("%w: it has only %d bytes", ErrNotVPK, size)
	}
	raw := make([]byte, min(size, minHeader))
	if err := readFull(source, raw, 0); err != nil {
		return header{}, err
	}
	return parseHead(raw, size)
}

// parseHead decodes the first minHeader bytes of a file of size bytes.
func parseHead(raw []byte, size int64) (header, error) {
	if len(raw) < 4 || binary.LittleEndian.Uint32(raw) != Magic {
		return header{}, fmt.Errorf("%w: it starts with %q", ErrNotVPK, raw[:min(len(raw), 4)])
	}
	if len(raw) < minHeader {
		return header{}, fmt.Errorf("%w: it ends inside the header", ErrTruncated)
	}
	head := header{
		version:  int(binary.LittleEndian.Uint32(raw[4:])),
		treeSize: int64(binary.LittleEndian.Uint32(raw[8:])),
	}
	switch head.version {
	case 1:
		head.length = minHeader
	case 2:
		head.length = 28
	default:
		return header{}, fmt.Errorf("%w: version %d is unknown", ErrMalformed, head.version)
	}
	if head.length+head.treeSize > size {
		return header{}, fmt.Errorf("%w: %d bytes, but the tree alone needs %d", ErrTruncated, size, head.length+head.treeSize)
	}
	if head.treeSize > MaxTree {
		return header{}, fmt.Errorf("%w: a tree of %d bytes is too large", ErrMalformed, head.treeSize)
	}
	return head, nil
}

// treeParser walks the tree; every name and entry is taken from rest.
type treeParser struct {
	rest  []byte
	head  header
	files []*File
}

func parseTree(tree []byte, head header) ([]*File, error) {
	p := &treeParser{rest: tree, head: head}
	for {
		extension, err := p.text()
		if err != nil {
			return nil, err
		}
		if extension == "" {
			break
		}
		if err := p.directories(extension); err != nil {
			return nil, err
		}
	}
	if len(bytes.TrimRight(p.rest, "\x00")) != 0 {
		return nil, fmt.Errorf("%w: the tree ends %d bytes before the place that the header names", ErrMalformed, len(p.rest))
	}
	return p.files, nil
}

func (p *treeParser) directories(extension string) error {
	for {
		directory, err := p.text()
		if err != nil || directory == "" {
			return err
		}
		for {
			base, err := p.text()
			if err != nil {
				return err
			}
			if base == "" {
				break
			}
			if err := p.entry(directory, base, extension); err != nil {
				return err
			}
		}
	}
}

// entrySize is the fixed part of an entry without its terminator.
const entrySize = 16

func (p *treeParser) entry(directory, base, extension string) error {
	if len(p.rest) < entrySize {
		return fmt.Errorf("%w: the tree ends inside an entry", ErrMalformed)
	}
	if len(p.files) >= MaxEntries {
		return fmt.Errorf("%w: more than %d files", ErrMalformed, MaxEntries)
	}
	raw := p.rest
	p.rest = p.rest[entrySize:]
	preload := int(binary.LittleEndian.Uint16(raw[4:]))
	index := int(binary.LittleEndian.Uint16(raw[6:]))
	length := int64(binary.LittleEndian.Uint32(raw[12:]))
	if len(p.rest) >= 2 && p.rest[0] == 0xFF && p.rest[1] == 0xFF {
		p.rest = p.rest[2:]
	}
	if len(p.rest) < preload {
		return fmt.Errorf("%w: the tree ends inside the preload of an entry", ErrMalformed)
	}
	file := &File{
		Name:    joinName(directory, base, extension),
		CRC:     binary.LittleEndian.Uint32(raw),
		Size:    int64(preload) + length,
		Archive: index,
		offset:  int64(binary.LittleEndian.Uint32(raw[8:])),
		length:  length,
	}
	if preload > 0 {
		file.preload = bytes.Clone(p.rest[:preload])
		p.rest = p.rest[preload:]
	}
	if index == inThisFile {
		file.Archive = -1
		file.offset += p.head.length + p.head.treeSize
	}
	p.files = append(p.files, file)
	return nil
}

// text takes a name that ends in a zero byte. The end of the tree counts as an empty name, because
// some tools leave the last terminators out.
func (p *treeParser) text() (string, error) {
	if len(p.rest) == 0 {
		return "", nil
	}
	end := bytes.IndexByte(p.rest[:min(len(p.rest), MaxName+1)], 0)
	if end < 0 {
		return "", fmt.Errorf("%w: a name in the tree does not end", ErrMalformed)
	}
	text := string(p.rest[:end])
	p.rest = p.rest[end+1:]
	return text, nil
}

// joinName puts a name together; a lone blank stands for an empty part.
func joinName(directory, base, extension string) string {
	name := base
	if base == " " {
		name = ""
	}
	if extension != " " {
		name += "." + extension
	}
	if directory != " " {
		name = directory + "/" + name
	}
	return name
}

func readFull(source io.ReaderAt, into []byte, offset int64) error {
	n, err := source.ReadAt(into, offset)
	if n == len(into) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it ends at byte %d", ErrTruncated, offset+int64(n))
	}
	return err
}
