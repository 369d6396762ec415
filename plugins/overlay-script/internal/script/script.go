// Package script reads what a script says about itself: its interpreter, in the first line, and what
// it needs, in comments of the form
//
//	# left4me: title=Maps of cedapug.com
//	# left4me: tools=curl,unzip
//	# left4me: network=no
//
// which stand in the block of comments at the top.
package script

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/left4me/left4me/sdk"
)

// MaxSize is the largest script, in bytes.
const MaxSize = 1 << 20

// Header is what a script says about itself.
type Header struct {
	Interpreter []string // absolute program and its arguments
	Title       string
	Tools       []string // commands it calls
	Offline     bool     // network=no
}

const prefix = "# left4me:"

// Parse reads the header of a script. Errors are *sdk.Error with the pointer "/script".
func Parse(text string) (Header, error) {
	if len(text) > MaxSize {
		return Header{}, fault("The script is longer than %d KiB.", MaxSize>>10).
			WithHint("Let the script download what it carries.")
	}
	if strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
		return Header{}, fault("The script is not text: it has bytes that are no UTF-8.").
			WithHint("Save it as UTF-8 without binary data.")
	}
	first, rest, _ := strings.Cut(text, "\n")
	interpreter, err := shebang(first)
	if err != nil {
		return Header{}, err
	}
	header := Header{Interpreter: interpreter}
	for line := range strings.Lines(rest) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "#") {
			break
		}
		if note, ok := strings.CutPrefix(line, prefix); ok {
			if err := header.take(strings.TrimSpace(note)); err != nil {
				return Header{}, err
			}
		}
	}
	return header, nil
}

func shebang(line string) ([]string, error) {
	hint := "Begin the script with the line \"#!/bin/bash\"."
	command, ok := strings.CutPrefix(line, "#!")
	if !ok {
		return nil, fault("The script does not begin with \"#!\" and an interpreter.").WithHint(hint)
	}
	if strings.HasSuffix(line, "\r") {
		return nil, fault("The script has Windows line ends, which bash does not understand.").
			WithHint("Save it with Unix line ends (LF).")
	}
	fields := strings.Fields(command)
	if len(fields) >= 2 && fields[0] == "/usr/bin/env" {
		if fields = fields[1:]; fields[0] == "-S" {
			fields = fields[1:]
		}
	}
	if len(fields) > 0 {
		for _, name := range []string{"bash", "sh"} {
			if slices.Contains([]string{name, "/bin/" + name, "/usr/bin/" + name}, fields[0]) {
				return append([]string{"/bin/" + name}, fields[1:]...), nil
			}
		}
	}
	return nil, fault("The script's interpreter is %q, and only bash and sh are run.", strings.TrimSpace(command)).WithHint(hint)
}

func (h *Header) take(note string) error {
	key, value, _ := strings.Cut(note, "=")
	value = strings.TrimSpace(value)
	switch strings.TrimSpace(key) {
	case "title":
		h.Title = value
	case "tools":
		for tool := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ',' || r == ' ' }) {
			if !ValidTool(tool) {
				return fault("The script's header names the tool %q, which is no name of a command.", tool).
					WithHint("Write names like curl, separated by commas.")
			}
			h.Tools = append(h.Tools, tool)
		}
	case "network":
		if value != "yes" && value != "no" {
			return fault("The script's header says network=%s.", value).WithHint("Write network=yes or network=no.")
		}
		h.Offline = value == "no"
	default:
		return fault("The script's header has the unknown key %q.", key).WithHint("Known keys are title, tools and network.")
	}
	return nil
}

// ValidTool says whether a name can be a command in the PATH.
func ValidTool(name string) bool {
	if name == "" || len(name) > 64 || name[0] == '-' || name[0] == '.' {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._+-[", r))
	}) < 0
}

func fault(format string, args ...any) *sdk.Error {
	return sdk.Errorf(sdk.CodeInvalid, "%s", fmt.Sprintf(format, args...)).WithField("/script")
}
