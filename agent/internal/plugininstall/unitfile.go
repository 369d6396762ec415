package plugininstall

import (
	"bytes"
	"slices"
	"strings"
)

// assignment is a line of a unit file: a section, a key, and a value.
type assignment struct{ section, key, value string }

// parseUnit reads a unit file as systemd.syntax(7) has it: comments, sections, lines that go on after a backslash. What is no
// assignment is left out, as systemd does.
func parseUnit(data []byte) []assignment {
	var out []assignment
	section, begun := "", ""
	for line := range strings.Lines(string(bytes.ToValidUTF8(data, []byte("?")))) {
		line = strings.TrimSpace(line)
		if line == "" && begun == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue // comments may stand within a line that goes on
		}
		if more, on := strings.CutSuffix(line, `\`); on {
			begun += more + " "
			continue
		}
		line, begun = begun+line, ""
		if name, is := strings.CutPrefix(line, "["); is && strings.HasSuffix(name, "]") {
			section = strings.TrimSuffix(name, "]")
			continue
		}
		if key, value, is := strings.Cut(line, "="); is {
			out = append(out, assignment{section, strings.TrimSpace(key), strings.TrimSpace(value)})
		}
	}
	return out
}

// list is a setting that adds up over its lines: an empty value begins anew, one with "~" takes away.
func list(assignments []assignment, section, key string) []string {
	var out []string
	for _, a := range assignments {
		if a.section != section || a.key != key {
			continue
		}
		if a.value == "" {
			out = nil
			continue
		}
		value, less := strings.CutPrefix(a.value, "~")
		for _, word := range strings.Fields(value) {
			if less {
				out = slices.DeleteFunc(out, func(known string) bool { return known == word })
			} else if !slices.Contains(out, word) {
				out = append(out, word)
			}
		}
	}
	return out
}

// last is a setting of which the last line holds.
func last(assignments []assignment, section, key string) string {
	out := ""
	for _, a := range assignments {
		if a.section == section && a.key == key {
			out = a.value
		}
	}
	return out
}

// command is the one command of ExecStart=, as it is written; "" when there is none or more than one.
func command(assignments []assignment) string {
	var out []string
	for _, a := range assignments {
		if a.section != "Service" || a.key != "ExecStart" {
			continue
		}
		if a.value == "" {
			out = nil
			continue
		}
		out = append(out, a.value)
	}
	if len(out) != 1 {
		return ""
	}
	return out[0]
}
