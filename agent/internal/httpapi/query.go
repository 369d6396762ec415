package httpapi

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/left4me/left4me/agent/internal/fault"
)

// param is one parameter of a query.
type param struct {
	name    string
	doc     string
	lowest  int64    // of numbers
	highest int64    // of numbers; 0 = it is text
	choices []string // of text; nil = any up to maxText bytes
	words   bool     // of text: what a person looks for, in any language and with blanks
	path    bool     // of a file: any UTF-8, which the service checks
}

// maxText bounds text in queries and headers: subjects, ids and cursors.
const maxText = 512

// checkQuery refuses parameters that are unknown, given twice or out of bounds.
func checkQuery(query url.Values, params []param) error {
	for name, values := range query {
		at := slices.IndexFunc(params, func(p param) bool { return p.name == name })
		if at < 0 {
			return fault.New(fault.Invalid, "There is no parameter %s here.", quoted(name)).
				WithHint("See /v1/openapi.json for the parameters.").WithField(shorten(name))
		}
		if len(values) > 1 {
			return fault.New(fault.Invalid, "The parameter %q is given twice.", name).WithHint("Give it once.").WithField(name)
		}
		if err := params[at].check(values[0]); err != nil {
			return err
		}
	}
	return nil
}

func (p param) check(value string) error {
	switch {
	case p.highest > 0:
		if n, err := strconv.ParseInt(value, 10, 64); err != nil || n < p.lowest || n > p.highest {
			return fault.New(fault.Invalid, "The parameter %q is %s.", p.name, quoted(value)).
				WithHint("Give a number from %d to %d.", p.lowest, p.highest).WithField(p.name)
		}
	case p.choices != nil:
		if !slices.Contains(p.choices, value) {
			return fault.New(fault.Invalid, "The parameter %q is %s.", p.name, quoted(value)).
				WithHint("Give one of %q.", p.choices).WithField(p.name)
		}
	case p.words && validWords(value):
	case p.path:
		if len(value) > 4096 || !utf8.ValidString(value) {
			return fault.New(fault.Invalid, "The parameter %q is too long or not UTF-8.", p.name).WithField(p.name)
		}
	case !validText(value):
		return fault.New(fault.Invalid, "The parameter %q is too long or not text.", p.name).
			WithHint("Give at most %d printable characters.", maxText).WithField(p.name)
	}
	return nil
}

// validText reports whether s can be a subject, cursor or id: printable ASCII without blanks.
func validText(s string) bool {
	if len(s) > maxText {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// validWords reports whether s can be what a person looks for: no control characters.
func validWords(s string) bool {
	return len(s) <= maxText && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// number returns a parameter that [checkQuery] has seen, or fallback.
func number(query url.Values, name string, fallback int64) int64 {
	n, err := strconv.ParseInt(query.Get(name), 10, 64)
	if err != nil {
		return fallback
	}
	return n
}

// quoted shows what somebody sent, on one line and not endlessly.
func quoted(s string) string { return strconv.Quote(shorten(s)) }

func shorten(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
