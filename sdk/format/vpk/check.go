package vpk

import (
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
)

// Checker checks a single-file pack while it passes by, for example during a download: magic, tree, that all
// data is inside the file, and the checksum of every file. Write it all bytes in order, then call Finish.
//
// The first fault ends the check: Write returns it, so that a copy stops early when a web page comes in
// place of a pack. Wrong checksums are the exception: they are reported by Finish only, because a pack can
// be made like that and the game loads it all the same. It is not safe for concurrent use.
type Checker struct {
	size    int64
	at      int64
	head    header
	buffer  []byte // header and tree until the tree is complete
	next    []*segment
	active  []*segment
	wrong   []string // names with a wrong checksum, at most maxNamed
	sum     uint32   // of everything written
	parsed  bool
	failure error
}

// maxNamed bounds how many files a checksum error names.
const maxNamed = 5

// segment is a range of the pack that has one checksum.
type segment struct {
	start, end int64
	sum, want  uint32
	name       string
}

// NewChecker returns a Checker of a pack that should have size bytes.
func NewChecker(size int64) *Checker { return &Checker{size: size} }

// Write takes the next bytes of the pack.
func (c *Checker) Write(data []byte) (int, error) {
	if c.failure != nil {
		return 0, c.failure
	}
	c.sum = crc32.Update(c.sum, crc32.IEEETable, data)
	if c.at+int64(len(data)) > c.size {
		c.failure = fmt.Errorf("%w: it has more than %d bytes", ErrMalformed, c.size)
	} else if !c.parsed {
		c.failure = c.collect(data)
	} else {
		c.feed(data)
	}
	c.at += int64(len(data))
	if c.failure != nil {
		c.buffer, c.next, c.active = nil, nil, nil
		return 0, c.failure
	}
	return len(data), nil
}

// Sum is the CRC-32 (IEEE) of all bytes written.
func (c *Checker) Sum() uint32 { return c.sum }

// Finish tells what is wrong with the pack, once everything was written. A pack whose only fault
// is a wrong checksum gives an error that wraps [ErrChecksum] and nothing else.
func (c *Checker) Finish() error {
	switch {
	case c.failure != nil:
		return c.failure
	case c.at < 4:
		return fmt.Errorf("%w: it has only %d bytes", ErrNotVPK, c.at)
	case c.at < c.size || !c.parsed:
		return fmt.Errorf("%w: %d of %d bytes", ErrTruncated, c.at, c.size)
	case len(c.wrong) > 0:
		return fmt.Errorf("%w: %q", ErrChecksum, c.wrong)
	}
	return nil
}

// collect gathers header and tree. It looks at the magic as soon as it is there.
func (c *Checker) collect(data []byte) error {
	c.buffer = append(c.buffer, data...)
	if len(c.buffer) < 4 {
		return nil
	}
	if c.head.version == 0 {
		head, err := parseHead(c.buffer[:min(len(c.buffer), minHeader)], c.size)
		if errors.Is(err, ErrTruncated) && len(c.buffer) < minHeader && c.size >= minHeader {
			return nil // not all of the header is there yet
		}
		if err != nil {
			return err
		}
		c.head = head
	}
	start := c.head.length + c.head.treeSize
	if int64(len(c.buffer)) < start {
		return nil
	}
	files, err := parseTree(c.buffer[c.head.length:start], c.head)
	if err == nil {
		err = c.plan(files)
	}
	if err != nil {
		return err
	}
	rest := c.buffer[start:]
	at := c.at
	c.parsed, c.buffer, c.at = true, nil, start
	c.feed(rest)
	c.at = at
	return nil
}

// plan turns files into segments, sorted by where they start.
func (c *Checker) plan(files []*File) error {
	if err := checkOverlap(files, c.size); err != nil {
		return err
	}
	for _, file := range files {
		if file.Archive >= 0 && file.length > 0 {
			return fmt.Errorf("%w: %q is in part %03d of a set", ErrTruncated, file.Name, file.Archive)
		}
		part := &segment{start: file.offset, end: file.offset + file.length, want: file.CRC, name: file.Name}
		part.sum = crc32.ChecksumIEEE(file.preload)
		if file.length == 0 {
			c.close(part)
			continue
		}
		c.next = append(c.next, part)
	}
	slices.SortFunc(c.next, func(a, b *segment) int { return cmp.Compare(a.start, b.start) })
	return nil
}

// feed gives data, which starts at c.at, to the segments it belongs to.
func (c *Checker) feed(data []byte) {
	end := c.at + int64(len(data))
	for len(c.next) > 0 && c.next[0].start < end {
		c.active = append(c.active, c.next[0])
		c.next = c.next[1:]
	}
	c.active = slices.DeleteFunc(c.active, func(part *segment) bool {
		from, to := max(part.start, c.at), min(part.end, end)
		part.sum = crc32.Update(part.sum, crc32.IEEETable, data[from-c.at:to-c.at])
		if part.end > end {
			return false
		}
		c.close(part)
		return true
	})
}

func (c *Checker) close(part *segment) {
	if part.sum != part.want && len(c.wrong) < maxNamed {
		c.wrong = append(c.wrong, part.name)
	}
}

// checkOverlap refuses files outside of a pack of size bytes, and packs whose files overlap so much that reading
// them all would take far longer than reading the pack: a small pack could keep a reader busy for hours.
func checkOverlap(files []*File, size int64) error {
	var sum int64
	for _, file := range files {
		if file.Archive >= 0 || file.length == 0 {
			continue
		}
		if file.offset+file.length > size {
			return fmt.Errorf("%w: %q needs bytes up to %d of %d", ErrTruncated, file.Name, file.offset+file.length, size)
		}
		sum += file.length
		if sum > 8*size+1<<20 {
			return fmt.Errorf("%w: its files overlap too much", ErrMalformed)
		}
	}
	return nil
}
