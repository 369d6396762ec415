// Package form turns what people type into what the agent takes.
package form

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/left4me/left4me/web/internal/view"
)

// Settings reads an overlay's settings from a form made of fields. Empty inputs are left out, so that the
// defaults of the type apply. With a problem, the first one, the settings hold what could be read. The fields keep what was
// typed, to be shown again.
func Settings(fields *view.SettingsForm, value func(name string) string) (json.RawMessage, *view.Problem) {
	out := map[string]any{}
	var first *view.Problem
	for i := range fields.Fields {
		f := &fields.Fields[i]
		f.Value = strings.ReplaceAll(value(f.ID()), "\r\n", "\n")
		got, problem := read(f)
		switch {
		case problem != nil:
			first = cmp.Or(first, problem)
		case got == nil: // the default applies
		case f.Name == "":
			return got.(json.RawMessage), nil //nolint:forcetypeassert // the one field of kind KindJSON
		case f.Inner == "":
			out[f.Name] = got
		default:
			within, _ := out[f.Name].(map[string]any)
			if within == nil {
				within = map[string]any{}
			}
			within[f.Inner] = got
			out[f.Name] = within
		}
	}
	data, err := json.Marshal(out)
	if err != nil { // only for what json.Valid let through and Marshal does not, which does not exist
		return nil, &view.Problem{Message: "The settings cannot be read.", Hint: "Check them."}
	}
	return data, first
}

// read returns what an input stands for; nil = nothing was typed.
func read(f *view.Field) (any, *view.Problem) {
	switch {
	case f.Kind == view.KindBool && f.Value != "":
		f.Value = "true"
		return true, nil
	case f.Kind == view.KindBool && f.Default == "true": // left out it would be on
		return false, nil
	case strings.TrimSpace(f.Value) == "":
		return nil, nil
	}
	switch f.Kind {
	case view.KindLines:
		return Words(f.Value), nil
	case view.KindPairs:
		return pairs(f)
	case view.KindNumber, view.KindJSON:
		if !json.Valid([]byte(f.Value)) {
			return nil, &view.Problem{Message: f.Label + " cannot be read.", Hint: hint(f.Kind), Field: f.Pointer()}
		}
		return json.RawMessage(f.Value), nil
	}
	return f.Value, nil
}

// pairs reads lines of name=value. What was stored and does not fit into lines was shown as JSON, and is taken as such.
func pairs(f *view.Field) (any, *view.Problem) {
	if text := strings.TrimSpace(f.Value); strings.HasPrefix(text, "{") && json.Valid([]byte(text)) {
		return json.RawMessage(text), nil
	}
	out := map[string]string{}
	for _, line := range Words(f.Value) {
		name, value, ok := strings.Cut(line, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, &view.Problem{Message: fmt.Sprintf("%s: %q is no pair.", f.Label, line), Hint: "Write name=value, each on a line of its own.", Field: f.Pointer()}
		}
		if _, twice := out[name]; twice {
			return nil, &view.Problem{Message: fmt.Sprintf("%s has %q twice.", f.Label, name), Hint: "Remove one of the two lines.", Field: f.Pointer()}
		}
		out[name] = strings.TrimSpace(value)
	}
	return out, nil
}

func hint(kind view.FieldKind) string {
	if kind == view.KindNumber {
		return "Write a number, for example 4."
	}
	return "Write JSON, for example {\"name\": \"value\"}."
}

// Words returns the lines of a text area that hold something, trimmed; never nil.
func Words(text string) []string {
	out := []string{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}
