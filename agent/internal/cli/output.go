package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// show writes a value: as JSON as the API gives it, or as table writes it.
func (a *app) show(value any, table func(io.Writer)) error {
	if a.format != "json" {
		table(a.Stdout)
		return nil
	}
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Stdout, "%s\n", data)
	return err
}

// line writes one value of a stream: JSON on one line, or text.
func (a *app) line(value any, text string) error {
	if a.format == "json" {
		return json.NewEncoder(a.Stdout).Encode(value)
	}
	_, err := fmt.Fprintln(a.Stdout, printable(text))
	return err
}

// rows writes a table; the first row is the heading. Without others it says that there are none.
func rows(w io.Writer, none string, heading []string, body [][]string) {
	if len(body) == 0 {
		fmt.Fprintln(w, none)
		return
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, row := range append([][]string{heading}, body...) {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			fmt.Fprint(t, orDash(printable(cell)))
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush() // as with every Fprint here: who reads us went away
}

// pairs writes names and values, leaving out the empty ones.
func pairs(w io.Writer, list ...string) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for i := 0; i+1 < len(list); i += 2 {
		if list[i+1] != "" {
			fmt.Fprintf(t, "%s:\t%s\n", list[i], printable(list[i+1]))
		}
	}
	_ = t.Flush() // as with every Fprint here: who reads us went away
}

// table turns values into rows.
func table[T any](values []T, row func(T) []string) [][]string {
	out := make([][]string, 0, len(values))
	for _, value := range values {
		out = append(out, row(value))
	}
	return out
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// printable replaces control characters: what games, scripts and players print must not steer the
// terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return '·'
		}
		return r
	}, s)
}

// lines prints text of several lines.
func lines(w io.Writer, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintln(w, printable(strings.TrimRight(line, "\r\n")))
	}
}

// size shows bytes with a binary prefix.
func size(n uint64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return strconv.FormatUint(n, 10) + " B"
	}
	value, unit := float64(n)/1024, 0
	for value >= 1023.95 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", value, units[unit])
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

func maybe(t *time.Time) string {
	if t == nil {
		return ""
	}
	return moment(*t)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func number[N int | uint64](n N) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
