// Package form turns what people type into what the agent takes.
package form

import (
	"encoding/json"
	"strings"

	"github.com/left4me/left4me/web/internal/view"
)

// Settings reads an overlay's settings from a form made of fields. Empty inputs are left out, so that the
// defaults of the type apply. With a problem the settings hold what could be read. The fields keep what was typed,
// to be shown again.
func Settings(fields *view.SettingsForm, value func(name string) string) (json.RawMessage, *view.Problem) {
	out := map[string]any{}
	var problem *view.Problem
	for i := range fields.Fields {
		f := &fields.Fields[i]
		text := strings.ReplaceAll(value(f.ID()), "\r\n", "\n")
		f.Value = text
		switch f.Kind {
		case view.KindBool:
			switch {
			case text != "":
				out[f.Name], f.Value = true, "true"
			case f.Default == "true": // left out it would be on
				out[f.Name] = false
			}
			continue
		case view.KindLines:
			if list := Words(text); len(list) > 0 {
				out[f.Name] = list
			}
			continue
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		switch f.Kind {
		case view.KindNumber, view.KindJSON:
			if !json.Valid([]byte(text)) {
				problem = &view.Problem{Message: f.Label + " cannot be read.", Hint: hint(f.Kind), Field: "settings/" + f.Name}
				continue
			}
			if f.Name == "" {
				return json.RawMessage(text), nil
			}
			out[f.Name] = json.RawMessage(text)
		default:
			out[f.Name] = text
		}
	}
	data, err := json.Marshal(out)
	if err != nil { // only for what json.Valid let through and Marshal does not, which does not exist
		return nil, &view.Problem{Message: "The settings cannot be read.", Hint: "Check them."}
	}
	return data, problem
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
