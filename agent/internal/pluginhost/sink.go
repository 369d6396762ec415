package pluginhost

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
)

const (
	logRate      = 100 // lines per second that a plugin may log for long
	logBurst     = 500 // lines at once
	noticeEvery  = 5 * time.Second
	keptLines    = 200
	maxKeptLine  = 1 << 10
	minSecretLen = 6 // shorter ones would blot out ordinary words
)

// sink takes what a plugin prints: it bounds it, passes it on to the agent's log, and keeps the last
// lines. One sink serves all runs of a plugin. Safe for concurrent use.
type sink struct {
	logger *slog.Logger

	mu         sync.Mutex
	tokens     float64
	refilled   time.Time
	dropped    int
	lastNotice time.Time
	panicking  bool
	secrets    *strings.Replacer // nil = none
	kept       []keptLine        // ring
	next       int
	count      int64 // of all lines so far
}

// keptLine is a line as it came, with the time when it did.
type keptLine struct {
	at   time.Time
	data []byte
}

func newSink(logger *slog.Logger) *sink {
	return &sink{logger: logger, tokens: logBurst, refilled: time.Now()}
}

// hide makes the values of secrets unreadable in everything that comes after. What was kept loses the earlier ones for good.
func (s *sink) hide(secrets map[string]string) {
	var pairs []string
	for _, name := range sortedKeys(secrets) {
		if value := secrets[name]; len(value) >= minSecretLen {
			pairs = append(pairs, value, "[secret "+name+"]")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, line := range s.kept {
		s.kept[i].data = []byte(s.maskLocked(string(line.data)))
	}
	s.secrets = nil
	if pairs != nil {
		s.secrets = strings.NewReplacer(pairs...)
	}
}

// mask returns text without the values of secrets.
func (s *sink) mask(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.maskLocked(text)
}

func (s *sink) maskLocked(text string) string {
	if s.secrets == nil {
		return text
	}
	return s.secrets.Replace(text)
}

// begin prepares for a new run.
func (s *sink) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.panicking = false
}

// read takes lines from r until it ends.
func (s *sink) read(r io.Reader) {
	readLines(r, s.take)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notice(time.Now())
}

// take takes one line.
func (s *sink) take(line []byte, discarded int64) {
	if len(line) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.keep(now, line)
	if !s.admit(now) {
		s.dropped++
		return
	}
	if s.dropped > 0 && now.Sub(s.lastNotice) >= noticeEvery {
		s.notice(now)
	}
	s.emit(s.maskLocked(string(line)), discarded)
}

// admit takes a token out of the bucket if there is one.
func (s *sink) admit(now time.Time) bool {
	s.tokens = min(logBurst, s.tokens+now.Sub(s.refilled).Seconds()*logRate)
	s.refilled = now
	if s.tokens < 1 {
		return false
	}
	s.tokens--
	return true
}

// notice says how many lines were dropped.
func (s *sink) notice(now time.Time) {
	if s.dropped == 0 {
		return
	}
	s.logger.Warn("the plugin logs too much, lines were dropped", "dropped", s.dropped)
	s.dropped, s.lastNotice = 0, now
}

func (s *sink) emit(line string, discarded int64) {
	parsed := parseLogLine([]byte(line))
	s.panicking = s.panicking || parsed.panics
	if s.panicking && parsed.attrs == nil {
		parsed.level = slog.LevelError
	}
	if discarded > 0 {
		parsed.attrs = append(parsed.attrs, slog.Int64("discarded_bytes", discarded))
	}
	s.logger.LogAttrs(context.Background(), parsed.level, parsed.message, parsed.attrs...)
}

// keep puts the beginning of a line into the ring. The buffers are reused: a flood allocates nothing. Where a long line is
// cut there may be the half of a secret, so that one is masked before.
func (s *sink) keep(now time.Time, line []byte) {
	if len(line) > maxKeptLine {
		if s.secrets != nil {
			line = []byte(s.maskLocked(string(line)))
		}
		line = line[:min(len(line), maxKeptLine)]
	}
	s.count++
	if len(s.kept) < keptLines {
		s.kept = append(s.kept, keptLine{now, bytes.Clone(line)})
		return
	}
	s.kept[s.next].at, s.kept[s.next].data = now, append(s.kept[s.next].data[:0], line...)
	s.next = (s.next + 1) % keptLines
}

// last returns up to n of the newest lines, oldest first, as a person can read them.
func (s *sink) last(n int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	count := len(s.kept)
	for i := max(0, count-n); i < count; i++ {
		out = append(out, readable(s.maskLocked(string(s.kept[(s.next+i)%count].data))))
	}
	return out
}

// since returns the kept lines with a number above after, oldest first. Numbers begin with 1 at the start of the agent, so
// one that is not reached yet is of an earlier agent: then it returns all.
func (s *sink) since(after int64) []LogLine {
	s.mu.Lock()
	defer s.mu.Unlock()
	if after > s.count {
		after = 0
	}
	var out []LogLine
	count := len(s.kept)
	for i := range count {
		line, number := s.kept[(s.next+i)%count], s.count-int64(count-i-1)
		if number <= after {
			continue
		}
		raw := s.maskLocked(string(line.data))
		text, level := readable(raw), levelName(parseLogLine([]byte(raw)).level)
		out = append(out, LogLine{Number: number, Time: line.at, Level: level, Text: strings.TrimPrefix(text, level+": ")})
	}
	return out
}

// LogLine is one line that a plugin logged or printed, without the values of secrets.
type LogLine struct {
	Number int64 // rising
	Time   time.Time
	Level  string // trace, debug, info, warn, error
	Text   string
}

// readable turns a raw line into "level: message key=value".
func readable(raw string) string {
	parsed := parseLogLine([]byte(raw))
	if parsed.attrs == nil && !strings.HasPrefix(strings.TrimSpace(raw), "{") {
		return parsed.message
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s", levelName(parsed.level), parsed.message)
	for _, attr := range parsed.attrs {
		fmt.Fprintf(&text, " %s=%s", attr.Key, attr.Value)
	}
	return shorten(text.String(), maxSentence)
}

func levelName(level slog.Level) string {
	if level == levelTrace {
		return "trace"
	}
	return strings.ToLower(level.String())
}

// Write makes a sink an io.Writer for go-plugin's copy of a plugin's standard output. Lines may come in
// any pieces; what does not end in a newline counts as a line.
func (s *sink) Write(data []byte) (int, error) {
	readLines(bytes.NewReader(data), s.take)
	return len(data), nil
}
