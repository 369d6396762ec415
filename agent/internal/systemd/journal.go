package systemd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/internal/server"
)

// journalctl is the program that reads the journal. sdjournal would need cgo.
const journalctl = "journalctl"

// maxEntry bounds one entry, in bytes: journald cuts lines at 48 KiB, and JSON writes a byte in up to six (or in
// five where the line is no UTF-8). Longer ones end the reader.
const maxEntry = 1 << 20

// Message ids of systemd (sd-messages.h).
const (
	messageDropped = "a596d6fe7bfa4994828e72309e95d61e" // lines of a unit were dropped for their rate
	messageExited  = "98e322203f7a4ed290d09fe03c09fe15" // a process of a unit ended, and how
	messageFailed  = "d9b373ed55a64feb8242e02dbe79a49c" // a unit failed, and with which result
)

// journal reads the host's journal.
type journal struct {
	program string
}

// console are the matches of what a game printed, and of journald's word on what it dropped.
func (journal) console(serverID string) []string {
	unit := unitName(serverID)
	return []string{"_SYSTEMD_UNIT=" + unit, "_TRANSPORT=stdout", "+", "OBJECT_SYSTEMD_UNIT=" + unit, "MESSAGE_ID=" + messageDropped, "_UID=0"}
}

// always are the options of every reading: only what is looked at, and that whole.
func always() []string {
	return []string{"--output=json", "--output-fields=MESSAGE,MESSAGE_ID,N_DROPPED,EXIT_CODE,EXIT_STATUS,UNIT_RESULT", "--quiet", "--no-pager", "--all"}
}

// read calls report with each entry that journalctl prints with these options, until it ends, ctx ends or report
// fails. An end of ctx is no error.
func (j journal) read(ctx context.Context, options []string, report func(entry) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, j.program, append(always(), options...)...)
	cmd.WaitDelay = time.Second
	var said bytes.Buffer
	cmd.Stderr = &limited{to: &said, left: 4096}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	reading := scan(out, report)
	if reading != nil {
		cancel()
	}
	err = cmd.Wait()
	switch {
	case reading != nil:
		return reading
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return errors.Join(err, errors.New(strings.TrimSpace(said.String())))
	}
	return nil
}

func scan(out io.Reader, report func(entry) error) error {
	lines := bufio.NewScanner(out)
	lines.Buffer(make([]byte, 64<<10), maxEntry)
	for lines.Scan() {
		e, err := parseEntry(lines.Bytes())
		if err != nil {
			continue // one that cannot be read must not hide all others
		}
		if err := report(e); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, io.ErrClosedPipe) && !strings.Contains(err.Error(), "file already closed") {
		return err
	}
	return nil
}

// limited passes on the first bytes and swallows the rest.
type limited struct {
	to   io.Writer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if n := min(l.left, len(p)); n > 0 {
		l.left -= n
		if _, err := l.to.Write(p[:n]); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// entry is one entry of the journal.
type entry struct {
	cursor  string
	time    time.Time
	message string
	id      string // MESSAGE_ID
	fields  map[string]json.RawMessage
}

// parseEntry reads one line of journalctl --output=json (systemd's JOURNAL_EXPORT_FORMATS.md): an object whose values
// are strings, arrays of the bytes of what is no UTF-8, null for what is too long, or arrays of these for a field that
// is there more than once.
func parseEntry(line []byte) (entry, error) {
	var e entry
	if err := json.Unmarshal(line, &e.fields); err != nil {
		return e, err
	}
	e.cursor, e.message, e.id = e.text("__CURSOR"), e.text("MESSAGE"), e.text("MESSAGE_ID")
	at, err := strconv.ParseInt(e.text("__REALTIME_TIMESTAMP"), 10, 64)
	if err != nil || e.cursor == "" {
		return e, errors.New("the entry has no place in the journal")
	}
	e.time = time.UnixMicro(at)
	return e, nil
}

// text returns a field; of one that is there more than once the first value.
func (e entry) text(name string) string { return fieldText(e.fields[name], 1) }

func fieldText(raw json.RawMessage, depth int) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var codes []int
	if json.Unmarshal(raw, &codes) == nil {
		out := make([]byte, len(codes))
		for i, code := range codes {
			out[i] = byte(code)
		}
		return string(out)
	}
	var values []json.RawMessage
	if depth > 0 && json.Unmarshal(raw, &values) == nil && len(values) > 0 {
		return fieldText(values[0], depth-1)
	}
	return ""
}

// line makes a line of the console of an entry; ok is false for journald's word that lines were dropped, whose number
// is then in Dropped.
func (e entry) line() (line server.Line, ok bool) {
	line = server.Line{Cursor: e.cursor, Time: e.time, Text: e.message}
	if e.id != messageDropped {
		return line, true
	}
	dropped, err := strconv.Atoi(e.text("N_DROPPED"))
	if err != nil || dropped < 1 {
		dropped = 1
	}
	return server.Line{Cursor: e.cursor, Time: e.time, Dropped: dropped}, false
}

// lastEnd tells how the last run of a server since a time ended, by systemd's own words.
func (j journal) lastEnd(ctx context.Context, serverID string, since time.Time) (server.Exit, time.Time, error) {
	var s seen
	var at time.Time
	s.result = "success"
	err := j.read(ctx, []string{"_PID=1", "UNIT=" + unitName(serverID), "--since=@" + strconv.FormatInt(since.Unix(), 10)},
		func(e entry) error {
			if at = e.time; e.id == messageExited {
				s.code, s.status = endOf(e)
			}
			if e.id == messageFailed {
				s.result = e.text("UNIT_RESULT")
			}
			return nil
		})
	if s.code == 0 { // systemd says nothing of processes that ended well
		s.code = codeExited
	}
	return s.exit(), at, err
}

// endOf reads EXIT_CODE ("exited", "killed", "dumped") and EXIT_STATUS (a number, or the name of a signal without SIG).
func endOf(e entry) (code, status int32) {
	text := e.text("EXIT_STATUS")
	if number, err := strconv.ParseInt(text, 10, 32); err == nil {
		status = int32(number)
	} else {
		status = signalNumber(text)
	}
	switch e.text("EXIT_CODE") {
	case "killed":
		return codeKilled, status
	case "dumped":
		return codeDumped, status
	}
	return codeExited, status
}
