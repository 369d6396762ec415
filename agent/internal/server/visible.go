package server

import (
	"context"

	"github.com/left4me/left4me/agent/internal/query"
)

// The last lines of a console can be our own polls to a large part, so more is read than was asked for: up to moreLines
// for a tail up to smallTail. Who wants more than that searches or copies, and gets what is left of it.
const (
	smallTail = 1000
	moreLines = 20_000
	// ownLines is at least what a poll leaves behind. So many lines are read before the first that counts, because
	// reading may begin inside an answer.
	ownLines = 64
)

// ReadConsole reads a server's console, see [Console], without what the agent's own polls leave in it.
func (m *Manager) ReadConsole(ctx context.Context, name, cursor string, tail int, follow bool, report func(Line) error) error {
	s, err := m.Store.ServerByName(ctx, name)
	if err != nil {
		return err
	}
	if cursor == "" && tail > 0 && tail <= smallTail {
		if cursor, err = m.readTail(ctx, s, tail, report); err != nil || cursor != "" && !follow {
			return err
		}
	}
	return m.Console.Read(ctx, s.ID, cursor, tail, follow, visible(s, report))
}

// visible passes on what is not of our own polls.
func visible(s Server, report func(Line) error) func(Line) error {
	sieve, dropped := query.NewPoll(s.RCONPassword).Sieve(), 0
	return func(line Line) error {
		if sieve.Own(line.Text, line.Time) {
			dropped += line.Dropped
			return nil
		}
		line.Dropped += dropped
		dropped = 0
		return report(line)
	}
}

// readTail reports the last tail lines that are not ours. It returns where to read on, outside of an answer to a poll;
// "" when nothing was printed yet.
func (m *Manager) readTail(ctx context.Context, s Server, tail int, report func(Line) error) (cursor string, err error) {
	var found []Line
	for n := tail + ownLines; ; n *= 4 {
		read := 0
		if found, cursor, read, err = m.lastLines(ctx, s, n); err != nil {
			return "", err
		}
		if len(found) >= tail || read < n || n >= moreLines {
			break
		}
	}
	for _, line := range found[max(len(found)-tail, 0):] {
		if err := report(line); err != nil {
			return "", err
		}
	}
	return cursor, nil
}

// lastLines returns those of the last n lines that are not ours, and how many there were.
func (m *Manager) lastLines(ctx context.Context, s Server, n int) (found []Line, cursor string, read int, err error) {
	sieve, early := query.NewPoll(s.RCONPassword).Sieve(), 0
	err = m.Console.Read(ctx, s.ID, "", n, false, func(line Line) error {
		read++
		own := sieve.Own(line.Text, line.Time)
		if !own {
			found = append(found, line)
		}
		if read == ownLines {
			early = len(found)
		}
		if !sieve.Open() || cursor == "" {
			cursor = line.Cursor
		}
		return nil
	})
	if read == n {
		found = found[early:]
	}
	return found, cursor, read, err
}
