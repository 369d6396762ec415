// Package setting knows the settings of a plugin or overlay from their JSON Schema: it lists them for people, and makes
// documents of KEY=VALUE pairs. Whether a document fits is for the plugin and its schema to say.
package setting

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/left4me/left4me/agent/internal/fault"
)

// Schema is a parsed schema of an object.
type Schema struct{ root node }

// node is the part of JSON Schema 2020-12 that forms and flags need.
type node struct {
	Type        json.RawMessage
	Title       string
	Description string
	Default     json.RawMessage
	Enum        []json.RawMessage
	Minimum     *float64
	Maximum     *float64
	Pattern     string
	MinLength   *int
	MaxLength   *int
	MinItems    *int
	MaxItems    *int
	Required    []string
	Properties  properties
	Items       *node
	Additional  json.RawMessage `json:"additionalProperties"`
	Examples    []json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler. A schema may be true or false: anything, or nothing that people could type.
func (n *node) UnmarshalJSON(data []byte) error {
	if text := string(bytes.TrimSpace(data)); text == "true" || text == "false" {
		return nil
	}
	type plain node
	return json.Unmarshal(data, (*plain)(n))
}

// properties keeps the order of the schema: it is the author's.
type properties struct {
	names []string
	nodes map[string]*node
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *properties) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &p.nodes); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if _, err := decoder.Token(); err != nil {
		return err
	}
	for name, n := range p.nodes {
		if n == nil {
			p.nodes[name] = &node{} // null: anything
		}
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		p.names = append(p.names, fmt.Sprint(name))
		var skipped json.RawMessage
		if err := decoder.Decode(&skipped); err != nil {
			return err
		}
	}
	return nil
}

// Parse reads a schema. None at all is one without settings.
func Parse(schema json.RawMessage) (*Schema, error) {
	s := &Schema{}
	if len(bytes.TrimSpace(schema)) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(schema, &s.root); err != nil {
		return nil, fault.Wrap(err, fault.Precondition, "The schema of the settings cannot be read.").WithHint("Report it to the plugin's author.")
	}
	return s, nil
}

// Examples returns the documents that the schema gives as examples.
func (s *Schema) Examples() []json.RawMessage { return s.root.Examples }

// Field is one setting.
type Field struct {
	Name        string // with dots for one in an object: "retry.attempts"
	Type        string // for people: "text", "list of text", "object"
	Required    bool
	Default     string // JSON, "" = none
	Description string
	Choices     []string // "" = any
	Bounds      string   // "1 to 8", "at least 1"
	Example     string   // JSON, "" = none
}

// Meaning is the description with what bounds the value.
func (f Field) Meaning() string {
	parts := []string{f.Description}
	if len(f.Choices) > 0 {
		parts = append(parts, "one of "+strings.Join(f.Choices, ", "))
	}
	if f.Bounds != "" {
		parts = append(parts, f.Bounds)
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
}

// Fields lists the settings in the order of the schema, those in objects after their object's name. A default or an example that
// an object has as a whole is each of its settings' own.
func (s *Schema) Fields() []Field {
	var example json.RawMessage
	if len(s.root.Examples) > 0 {
		example = s.root.Examples[0]
	}
	return s.root.fields("", 0, s.root.Default, example)
}

// maxDepth bounds how deep objects are looked into.
const maxDepth = 8

func (n *node) fields(prefix string, depth int, fallback, example json.RawMessage) []Field {
	var out []Field
	fallbacks, examples := members(fallback), members(example)
	for _, name := range n.Properties.names {
		p := n.Properties.nodes[name]
		fallback, example := fallbacks[name], examples[name]
		if len(p.Default) > 0 {
			fallback = p.Default
		}
		if len(p.Examples) > 0 {
			example = p.Examples[0]
		}
		if p.kind() == "object" && len(p.Properties.names) > 0 && depth < maxDepth {
			out = append(out, p.fields(prefix+name+".", depth+1, fallback, example)...)
			continue
		}
		out = append(out, Field{
			Name: prefix + name, Type: p.people(), Required: slices.Contains(n.Required, name), Default: string(fallback),
			Description: p.text(), Choices: plain(p.Enum), Bounds: p.bounds(), Example: string(example),
		})
	}
	return out
}

// members are those of a JSON object; anything else has none.
func members(object json.RawMessage) map[string]json.RawMessage {
	var out map[string]json.RawMessage
	if json.Unmarshal(object, &out) != nil {
		return nil
	}
	return out
}

// text is what the author says about a setting.
func (n *node) text() string {
	if n.Title != "" && n.Description != "" {
		return n.Title + ": " + n.Description
	}
	return n.Title + n.Description
}

// kind is the type, or that of an enum's first value.
func (n *node) kind() string {
	var one string
	if json.Unmarshal(n.Type, &one) == nil {
		return one
	}
	var many []string
	if json.Unmarshal(n.Type, &many) == nil {
		for _, t := range many {
			if t != "null" {
				return t
			}
		}
	}
	return ""
}

func (n *node) people() string {
	words := map[string]string{"string": "text", "boolean": "true or false", "integer": "whole number", "number": "number", "object": "object", "": "any"}
	if n.kind() == "array" {
		if n.Items == nil {
			return "list"
		}
		return "list of " + n.Items.people()
	}
	return words[n.kind()]
}

func (n *node) bounds() string {
	var out []string
	add := func(text string) {
		if text != "" {
			out = append(out, text)
		}
	}
	add(between(n.Minimum, n.Maximum, "", ""))
	add(between(n.MinLength, n.MaxLength, " character", " characters"))
	add(between(n.MinItems, n.MaxItems, " entry", " entries"))
	if n.Pattern != "" {
		add("must match " + n.Pattern)
	}
	return strings.Join(out, ", ")
}

func between[T int | float64](least, most *T, one, many string) string {
	number := func(v T) string { return strconv.FormatFloat(float64(v), 'f', -1, 64) }
	counted := func(v T) string {
		if v == 1 {
			return number(v) + one
		}
		return number(v) + many
	}
	switch {
	case least != nil && most != nil:
		return number(*least) + " to " + counted(*most)
	case least != nil:
		return "at least " + counted(*least)
	case most != nil:
		return "at most " + counted(*most)
	}
	return ""
}

// plain returns values as people write them: texts without quotes.
func plain(values []json.RawMessage) []string {
	var out []string
	for _, value := range values {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		out = append(out, text)
	}
	return out
}
