package query

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// A Poll is how we ask a game something for ourselves. srcds writes every RCON command into its log, and what it answers
// into its console: those lines bury what people said. So our questions stand between two echoes of a word that only we
// know, and a [Sieve] finds all of it again, also after a restart. The word comes from the server's RCON password, so
// that nobody who plays can hide a line behind it. What people ask by RCON has no such word and stays.
type Poll struct{ begin, end string }

// NewPoll returns the way to ask the server with an RCON password.
func NewPoll(password string) Poll {
	sum := sha256.Sum256([]byte("left4me poll " + password))
	word := hex.EncodeToString(sum[:8])
	return Poll{begin: "left4me-asks-" + word, end: "left4me-asked-" + word}
}

// Command is the command line that asks a question, "" for a mere sign of life.
func (p Poll) Command(question string) string {
	if question == "" {
		return "echo " + p.begin + "; echo " + p.end
	}
	return "echo " + p.begin + "; " + question + "; echo " + p.end
}

// Answer takes our words out of what the game printed.
func (p Poll) Answer(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if word := strings.TrimSpace(line); word != p.begin && word != p.end {
			out.WriteString(line)
		}
	}
	return out.String()
}

// An answer is printed at once. A game that crashes in the middle must not have its last words hidden.
const (
	answerLines  = 200
	answerWithin = 2 * time.Second
)

// A Sieve finds the lines of our own polls in a console that is read in order. The zero Sieve is not useful, see
// [Poll.Sieve]. One goroutine uses it.
type Sieve struct {
	poll  Poll
	open  bool // inside an answer
	since time.Time
	lines int
}

// Sieve returns a sieve for the console of the server that p asks.
func (p Poll) Sieve() *Sieve { return &Sieve{poll: p} }

// Own reports whether a line, printed at a time, belongs to a poll. A log line or a [Sign] in the middle of an answer is
// none of it and ends it, as does everything that comes too late or is too much.
func (s *Sieve) Own(line string, at time.Time) bool {
	switch word := strings.TrimSpace(line); {
	case word == s.poll.begin:
		s.open, s.since, s.lines = true, at, 0
		return true
	case word == s.poll.end:
		s.open = false
		return true
	case s.poll.logged(word):
		return true
	}
	if !s.open {
		return false
	}
	s.lines++
	s.open = s.lines <= answerLines && at.Sub(s.since) <= answerWithin && !logAtStart.MatchString(line) && ReadSign(line) == SignNone
	return s.open
}

// Open reports whether the last line was inside an answer: reading that goes on behind it with another sieve would take
// the rest for something else.
func (s *Sieve) Open() bool { return s.open }

// logged reports whether a line is the game's note of a poll: `rcon from "ADDRESS": command "…"`, with or without the
// time that begins a log line.
func (p Poll) logged(line string) bool {
	if at := logAtStart.FindStringIndex(line); at != nil {
		line = line[at[1]:]
	}
	from, ok := strings.CutPrefix(line, `rcon from "`)
	if !ok {
		return false
	}
	_, command, ok := strings.Cut(from, `": command "`)
	return ok && strings.HasPrefix(command, "echo "+p.begin+"; ") && strings.HasSuffix(command, "echo "+p.end+`"`)
}
