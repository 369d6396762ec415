package standin

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"unicode/utf16"
)

// allMaps is the zip of all maps, with VPKs at the top level and a file that is none beside them.
func (s *Sites) allMaps(fault Fault) []byte {
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	add := func(name string, content []byte) {
		file, err := archive.Create(name)
		if err == nil {
			_, err = file.Write(content)
		}
		if err != nil {
			panic(err) // writing to memory does not fail
		}
	}
	add("readme.txt", []byte("Put the maps into addons.\n"))
	for _, name := range s.shown(fault) {
		file := mapFile(name, s.version)
		if fault == WrongSum {
			file[0] ^= 0xff // no VPK any more
		}
		add(name+".vpk", file)
	}
	if err := archive.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// tarball is what GitHub serves for a branch: everything below one directory, and the commit's hash in
// a global header.
func (s *Sites) tarball(fault Fault) []byte {
	const top = "L4D2-Competitive-Rework-master/"
	var out bytes.Buffer
	compressed := gzip.NewWriter(&out)
	archive := tar.NewWriter(compressed)
	write := func(header tar.Header, content string) {
		header.Size, header.Format = int64(len(content)), tar.FormatPAX
		err := archive.WriteHeader(&header)
		if err == nil {
			_, err = archive.Write([]byte(content))
		}
		if err != nil {
			panic(err) // writing to memory does not fail
		}
	}
	comment := map[string]string{"comment": fmt.Sprintf("%040x", s.version)}
	if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header", PAXRecords: comment}); err != nil {
		panic(err)
	}
	write(tar.Header{Typeflag: tar.TypeDir, Name: top, Mode: 0o775}, "")
	files := reworkFiles(s.version, fault)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		write(tar.Header{Typeflag: tar.TypeReg, Name: top + name, Mode: 0o664}, files[name])
	}
	if err := archive.Close(); err != nil {
		panic(err)
	}
	if err := compressed.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// sevenZip returns a 7z archive with one stored file. Layout: 7zFormat.txt of the LZMA SDK.
func sevenZip(name string, content []byte) []byte {
	var header bytes.Buffer
	number := func(values ...uint64) {
		for _, v := range values {
			header.Write(sevenZipNumber(v))
		}
	}
	size := uint64(len(content))
	number(0x01, 0x04)                  // Header, MainStreamsInfo
	number(0x06, 0, 1, 0x09, size, 0)   // PackInfo: one stream at 0, sizes, end
	number(0x07, 0x0b, 1, 0)            // UnpackInfo: one folder, not external
	header.Write([]byte{1, 0x01, 0x00}) // one coder with an id of one byte: 0 is Copy
	number(0x0c, size)                  // size of the folder
	header.Write([]byte{0x0a, 1})       // all digests are defined
	header.Write(little32(crc32.ChecksumIEEE(content)))
	number(0, 0)    // end of UnpackInfo and of MainStreamsInfo
	number(0x05, 1) // FilesInfo: one file
	var names []byte
	for _, unit := range append(utf16.Encode([]rune(name)), 0) {
		names = binary.LittleEndian.AppendUint16(names, unit)
	}
	number(0x11, uint64(len(names)+1), 0)
	header.Write(names)
	number(0, 0) // end of FilesInfo and of Header

	start := binary.LittleEndian.AppendUint64(nil, size) // where the header begins
	start = binary.LittleEndian.AppendUint64(start, uint64(header.Len()))
	start = append(start, little32(crc32.ChecksumIEEE(header.Bytes()))...)
	out := append([]byte{'7', 'z', 0xbc, 0xaf, 0x27, 0x1c, 0, 4}, little32(crc32.ChecksumIEEE(start))...)
	out = append(append(out, start...), content...)
	return append(out, header.Bytes()...)
}

// sevenZipNumber encodes a number: as many leading ones in the first byte as bytes follow.
func sevenZipNumber(value uint64) []byte {
	first, mask := byte(0), byte(0x80)
	var rest []byte
	for len(rest) < 8 {
		if value < uint64(mask) {
			return append([]byte{first | byte(value)}, rest...)
		}
		rest = append(rest, byte(value))
		first |= mask
		mask >>= 1
		value >>= 8
	}
	return append([]byte{first}, rest...)
}

func little32(value uint32) []byte { return binary.LittleEndian.AppendUint32(nil, value) }
