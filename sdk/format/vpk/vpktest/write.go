// Package vpktest writes Valve pack files, for tests and for simulated content.
package vpktest

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"slices"
	"strings"
)

// File is one file to pack.
type File struct {
	Name string // slash separated
	Data []byte

	// Size bytes made by repeating Data follow in place of Data itself when Size is not 0, so that
	// large packs need no memory.
	Size int64
}

// Options of a pack. The zero value is version 1 without preload.
type Options struct {
	Version int // 1 (default) or 2
	Preload int // bytes of each file to keep in the tree, at most 65535
}

// Write writes a single-file pack. Files come out sorted by extension, directory and name.
func Write(w io.Writer, files []File, options Options) error {
	sorted := slices.Clone(files)
	slices.SortStableFunc(sorted, func(a, b File) int {
		ad, ab, ae := split(a.Name)
		bd, bb, be := split(b.Name)
		return cmp.Or(cmp.Compare(ae, be), cmp.Compare(ad, bd), cmp.Compare(ab, bb))
	})
	tree, dataSize, err := makeTree(sorted, options)
	if err != nil {
		return err
	}
	out := &stickyWriter{to: w}
	out.write(makeHeader(len(tree), dataSize, options))
	out.write(tree)
	for _, file := range sorted {
		out.repeat(file, min(int64(options.Preload), file.size()))
	}
	if options.Version == 2 {
		out.write(make([]byte, otherMD5Size))
	}
	return out.failure
}

// Bytes returns a pack as Write makes it. It panics if a name or size does not fit the format.
func Bytes(files []File, options Options) []byte {
	var out bytes.Buffer
	if err := Write(&out, files, options); err != nil {
		panic(err)
	}
	return out.Bytes()
}

const otherMD5Size = 48

func makeHeader(treeSize int, dataSize int64, options Options) []byte {
	out := binary.LittleEndian.AppendUint32(nil, 0x55AA1234)
	out = binary.LittleEndian.AppendUint32(out, uint32(max(options.Version, 1)))
	out = binary.LittleEndian.AppendUint32(out, uint32(treeSize))
	if options.Version == 2 {
		for _, n := range []uint32{uint32(dataSize), 0, otherMD5Size, 0} {
			out = binary.LittleEndian.AppendUint32(out, n)
		}
	}
	return out
}

func makeTree(files []File, options Options) (tree []byte, offset int64, err error) {
	var lastDirectory, lastExtension string
	for i, file := range files {
		directory, base, extension := split(file.Name)
		if base == "" || strings.ContainsRune(file.Name, 0) {
			return nil, 0, fmt.Errorf("vpktest: %q cannot be a name", file.Name)
		}
		newExtension := i == 0 || extension != lastExtension
		newDirectory := newExtension || directory != lastDirectory
		if i > 0 && newDirectory {
			tree = append(tree, 0)
		}
		if i > 0 && newExtension {
			tree = append(tree, 0)
		}
		if newExtension {
			tree = append(append(tree, extension...), 0)
		}
		if newDirectory {
			tree = append(append(tree, directory...), 0)
		}
		tree = append(append(tree, base...), 0)
		lastDirectory, lastExtension = directory, extension
		preload := min(int64(options.Preload), file.size())
		length := file.size() - preload
		if preload > 0xFFFF || offset+length > 0xFFFFFFFF {
			return nil, 0, errors.New("vpktest: too large for the format")
		}
		tree = appendEntry(tree, file, uint16(preload), uint32(offset), uint32(length))
		offset += length
	}
	if len(files) > 0 {
		tree = append(tree, 0, 0)
	}
	return append(tree, 0), offset, nil
}

func appendEntry(tree []byte, file File, preload uint16, offset, length uint32) []byte {
	sum := crc32.NewIEEE()
	(&stickyWriter{to: sum}).repeat(file, 0)
	if length == 0 {
		offset = 0
	}
	tree = binary.LittleEndian.AppendUint32(tree, sum.Sum32())
	tree = binary.LittleEndian.AppendUint16(tree, preload)
	tree = binary.LittleEndian.AppendUint16(tree, 0x7FFF)
	tree = binary.LittleEndian.AppendUint32(tree, offset)
	tree = binary.LittleEndian.AppendUint32(tree, length)
	tree = binary.LittleEndian.AppendUint16(tree, 0xFFFF)
	for i := range int64(preload) {
		tree = append(tree, file.Data[i%int64(len(file.Data))])
	}
	return tree
}

func (f File) size() int64 {
	if f.Size == 0 || len(f.Data) == 0 {
		return int64(len(f.Data))
	}
	return f.Size
}

// split takes a name apart; a lone blank stands for an empty part.
func split(name string) (directory, base, extension string) {
	directory, base = path.Split(name)
	extension = strings.TrimPrefix(path.Ext(base), ".")
	base = strings.TrimSuffix(base, path.Ext(base))
	return cmp.Or(strings.TrimSuffix(directory, "/"), " "), cmp.Or(base, " "), cmp.Or(extension, " ")
}

// stickyWriter remembers the first failure and then writes nothing more.
type stickyWriter struct {
	to      io.Writer
	failure error
}

func (s *stickyWriter) write(data []byte) {
	if s.failure == nil {
		_, s.failure = s.to.Write(data)
	}
}

// repeat writes the content of file without its first skip bytes.
func (s *stickyWriter) repeat(file File, skip int64) {
	left := file.size() - skip
	if left <= 0 {
		return
	}
	block := file.Data
	for len(block) < 64<<10 && int64(len(block)) < file.size() {
		block = append(block[:len(block):len(block)], block...)
	}
	first := block[skip%int64(len(file.Data)):]
	for part := first; left > 0 && s.failure == nil; part = block {
		part = part[:min(int64(len(part)), left)]
		s.write(part)
		left -= int64(len(part))
	}
}
