package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// is reports whether value has type want, and notes a problem otherwise. Nothing is converted: "4"
// where a number belongs is a mistake more often than a style.
func (s *section) is(value cty.Value, want cty.Type, key string, at position) bool {
	if !value.IsNull() && value.Type() == want {
		return true
	}
	s.wrongType(key, article(want), value, at)
	return false
}

func (s *section) wrongType(key, want string, value cty.Value, at position) {
	hint := ""
	if !value.IsNull() && value.Type() == cty.String && want != "a list of strings" {
		text := value.AsString()
		_, err := strconv.Atoi(text)
		if (want == "a number" && err == nil) || (want == "true or false" && (text == "true" || text == "false")) {
			hint = fmt.Sprintf("Write %s = %s, without quotes.", key, text)
		}
	}
	if want == "a list of strings" && !value.IsNull() && value.Type() == cty.String {
		hint = fmt.Sprintf("Write %s = [%q].", key, value.AsString())
	}
	got := "null"
	if !value.IsNull() {
		got = article(value.Type())
	}
	s.problems.add(at, hint, "%q must be %s, not %s.", key, want, got)
}

// article names a type as a person says it.
func article(t cty.Type) string {
	switch {
	case t == cty.String:
		return "a string"
	case t == cty.Number:
		return "a number"
	case t == cty.Bool:
		return "true or false"
	case t.IsTupleType():
		return "a list"
	}
	return "an object"
}

// addDiagnostics takes over what the HCL library found.
func (s *section) addDiagnostics(diagnostics hcl.Diagnostics) {
	for _, d := range diagnostics {
		if d.Severity != hcl.DiagError {
			continue
		}
		at := position{file: s.file}
		if d.Subject != nil {
			at = s.at(*d.Subject)
		}
		switch d.Summary {
		case "Variables not allowed", "Function calls not allowed":
			s.problems.add(at, "Write the value itself; text needs quotes.", "Variables and functions cannot be used in this file.")
		default:
			s.problems.add(at, sentence(d.Detail), "%s", sentence(d.Summary))
		}
	}
}

// sentence ends text with a full stop and puts it on one line.
func sentence(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if text == "" || strings.ContainsAny(text[len(text)-1:], ".!?") {
		return text
	}
	return text + "."
}

// parseDuration reads Go's durations and whole days ("30d").
func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}
