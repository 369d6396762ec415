package view

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// schema is the part of JSON Schema 2020-12 that forms are made from.
type schema struct {
	Type        any                        `json:"type"` // a word or a list of words
	Types       []string                   `json:"types"`
	Title       string                     `json:"title"`
	Description string                     `json:"description"`
	Default     json.RawMessage            `json:"default"`
	Minimum     json.Number                `json:"minimum"`
	Maximum     json.Number                `json:"maximum"`
	MaxLength   int                        `json:"maxLength"`
	Media       string                     `json:"contentMediaType"`
	Enum        []any                      `json:"enum"`
	Examples    []json.RawMessage          `json:"examples"`
	Items       *schema                    `json:"items"`
	Properties  map[string]json.RawMessage `json:"properties"`
	Required    []string                   `json:"required"`
	Additional  json.RawMessage            `json:"additionalProperties"`
}

func (s schema) is(word string) bool {
	if list, ok := s.Type.([]any); ok {
		return slices.Contains(list, any(word))
	}
	return s.Type == word
}

// label is what stands above the input of a property: its title, or its name in words.
func (s schema) label(name string) string {
	if s.Title != "" {
		return s.Title
	}
	return label(name)
}

// closed reports whether s is an object of which all properties are known, so that fields of their own can stand for them.
func (s schema) closed() bool {
	return s.is("object") && len(s.Properties) > 0 && string(s.Additional) == "false" && len(s.Required) == 0
}

// maps reports whether s takes texts by name.
func (s schema) maps() bool {
	var values schema
	return s.is("object") && len(s.Properties) == 0 && json.Unmarshal(s.Additional, &values) == nil && values.is("string")
}

// propertyOrder returns the names of the properties in the order of the document, which is the author's.
func propertyOrder(raw json.RawMessage) []string {
	var whole struct {
		Properties json.RawMessage `json:"properties"`
	}
	if json.Unmarshal(raw, &whole) != nil {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(whole.Properties))
	if _, err := decoder.Token(); err != nil {
		return nil
	}
	var names []string
	for decoder.More() {
		token, err := decoder.Token()
		name, ok := token.(string)
		var skipped json.RawMessage
		if err != nil || !ok || decoder.Decode(&skipped) != nil {
			return names
		}
		names = append(names, name)
	}
	return names
}

// units are how names of settings end, and how people write that.
var units = map[string]string{"bytes": "(bytes)", "kib": "(KiB)", "mib": "(MiB)", "gib": "(GiB)", "percent": "(%)", "ms": "(ms)"}

// abbreviations that words of settings are written as.
var abbreviations = map[string]string{"url": "URL", "id": "ID", "sha256": "SHA-256", "api": "API", "cpu": "CPU", "dns": "DNS", "ip": "IP"}

// label writes a name as words: "Memory (MiB)" for memory_mib.
func label(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' })
	for i, word := range words {
		switch {
		case i > 0 && i == len(words)-1 && units[word] != "":
			words[i] = units[word]
		case abbreviations[word] != "":
			words[i] = abbreviations[word]
		case i == 0:
			words[i] = upperFirst(word)
		}
	}
	return cmp.Or(strings.Join(words, " "), name)
}
