package pluginhost

import (
	"log/slog"
	"time"
)

// What the tests of the parts need.
var (
	Clean       = clean
	ReadLines   = readLines
	Readable    = readable
	CheckSchema = checkSchema
)

const (
	MaxLine = maxLine
	LogRate = logRate
	Burst   = logBurst
)

// HandshakeProblem returns what is wrong with a handshake line, or "".
func HandshakeProblem(line, dir string) string {
	if p := checkHandshake(line, dir); p != nil {
		return p.what
	}
	return ""
}

// ParsedLine is what a line of a plugin's log means.
func ParsedLine(line []byte) (slog.Level, string, []slog.Attr) {
	parsed := parseLogLine(line)
	return parsed.level, parsed.message, parsed.attrs
}

type Sink = sink

var NewSink = newSink

func (s *sink) Take(line string)            { s.take([]byte(line), 0) }
func (s *sink) Since(after int64) []LogLine { return s.since(after) }

func (s *sink) Last(n int) []string { return s.last(n) }
func (s *sink) Begin()              { s.begin() }
func (s *sink) Hide(secret string)  { s.hide(map[string]string{"key": secret}) }

// Policy is a policy without jitter.
type Policy struct{ p *policy }

func NewPolicy() Policy {
	p := newPolicy(Timing{}.withDefaults())
	p.jitter = func() float64 { return 0 }
	return Policy{p}
}

func (p Policy) Failed(now time.Time, lived time.Duration, death bool) (time.Duration, bool) {
	return p.p.failed(now, lived, death)
}

func (p Policy) Reset() { p.p.reset() }

// Jittered returns the first pause of a policy with real jitter.
func Jittered() time.Duration {
	pause, _ := newPolicy(Timing{}.withDefaults()).failed(time.Now(), 0, true)
	return pause
}
