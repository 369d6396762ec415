package job

// Bounds of a job log.
const (
	maxText     = 8 << 10  // bytes of one line
	maxLines    = 100_000  // of one job; see cut in log.go
	maxBytes    = 10 << 20 // of one job
	spareLines  = 1_000    // of the handler's own words that still fit after the cut
	keepLines   = 2_000    // stored lines that stay in memory while the job runs
	keepBytes   = 1 << 20
	maxUnstored = 4_000 // lines; a faster writer waits for the store
	batchLines  = 1_000 // stored in one transaction at most
	kickLines   = 200   // stored at once, without waiting for more
)

// buffer holds the newest lines of one job: all that are not stored yet, and some of those before.
type buffer struct {
	lines  []Line // rising Seq without a gap
	bytes  int    // of their texts
	next   int64  // Seq of the next line
	stored int64  // all lines up to here are in the store
	lost   int64  // lines not taken since the store failed

	total  int   // bytes of all texts taken so far
	cutOff int64 // lines left out because the log reached its bound
	spare  int   // lines taken after that
}

func newBuffer() buffer { return buffer{next: 1} }

// first is the Seq of the oldest line in memory.
func (b *buffer) first() int64 { return b.next - int64(len(b.lines)) }

// unstored is the number of lines the store does not have.
func (b *buffer) unstored() int { return int(b.next - 1 - b.stored) }

// full reports whether the log has reached its bound.
func (b *buffer) full() bool { return b.next > maxLines || b.total >= maxBytes }

func (b *buffer) add(line Line) {
	line.Seq = b.next
	b.next++
	b.bytes += len(line.Text)
	b.total += len(line.Text)
	b.lines = append(b.lines, line)
	b.trim()
}

// trim forgets the oldest stored lines beyond what is kept.
func (b *buffer) trim() {
	n := 0
	for b.first()+int64(n) <= b.stored && (len(b.lines)-n > keepLines || b.bytes > keepBytes) {
		b.bytes -= len(b.lines[n].Text)
		n++
	}
	b.lines = b.lines[n:]
}

// after returns up to limit lines above seq, and false when some of them are only in the store. The
// result stays valid: lines in memory are never changed, only appended and forgotten.
func (b *buffer) after(seq int64, limit int) ([]Line, bool) {
	from := seq + 1 - b.first()
	if from < 0 {
		return nil, false
	}
	from = min(from, int64(len(b.lines)))
	to := min(from+int64(limit), int64(len(b.lines)))
	return b.lines[from:to:to], true
}

// pending returns up to limit lines that are not stored.
func (b *buffer) pending(limit int) []Line {
	lines, _ := b.after(b.stored, limit)
	return lines
}

func (b *buffer) markStored(seq int64) {
	b.stored = seq
	b.trim()
}
