package setting

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/left4me/left4me/agent/internal/fault"
)

// Assign sets KEY=VALUE pairs in a document and returns it. A key with dots names a setting in an object. Values are read by
// the type in the schema; of a list, each pair is one entry, and the first replaces what was there. An object, or a list as a
// whole, is written as JSON. KEY= without a value removes the setting, so that its default applies again.
func (s *Schema) Assign(document json.RawMessage, pairs []string) (json.RawMessage, error) {
	object := map[string]any{}
	if len(bytes.TrimSpace(document)) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(document))
		decoder.UseNumber() // large integers survive
		if err := decoder.Decode(&object); err != nil || object == nil {
			return nil, fault.New(fault.Invalid, "The settings are not a JSON object.").WithHint("Give one object with --settings.")
		}
	}
	begun := map[string]bool{} // lists that a pair of this call has begun
	for _, pair := range pairs {
		if err := s.assign(object, pair, begun); err != nil {
			return nil, err
		}
	}
	return json.Marshal(object)
}

func (s *Schema) assign(object map[string]any, pair string, begun map[string]bool) error {
	key, text, ok := strings.Cut(pair, "=")
	if !ok || key == "" {
		return fault.New(fault.Invalid, "%q has no key and value.", pair).WithHint("Write KEY=VALUE, for example: --set %s", s.sample())
	}
	at, last, into, err := s.find(object, key)
	if err != nil {
		return err
	}
	if text == "" {
		delete(into, last)
		return nil
	}
	if at.kind() == "array" && !strings.HasPrefix(strings.TrimSpace(text), "[") {
		value, err := at.entry().value(key, text)
		if err != nil {
			return err
		}
		list, _ := into[last].([]any)
		if !begun[key] {
			list, begun[key] = nil, true
		}
		into[last] = append(list, value)
		return nil
	}
	value, err := at.value(key, text)
	if err != nil {
		return err
	}
	into[last] = value
	return nil
}

// find follows a key with dots through the schema and the document, making objects on the way.
func (s *Schema) find(object map[string]any, key string) (at *node, last string, into map[string]any, err error) {
	names := strings.Split(key, ".")
	at, into = &s.root, object
	for i, name := range names {
		next := at.Properties.nodes[name]
		if next == nil {
			var open bool
			if next, open = at.free(); !open {
				return nil, "", nil, s.unknown(key)
			}
			name = strings.Join(names[i:], ".") // keys of a map may have dots
			return next, name, into, nil
		}
		if i == len(names)-1 {
			return next, name, into, nil
		}
		inner, ok := into[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			into[name] = inner
		}
		at, into = next, inner
	}
	return nil, "", nil, s.unknown(key)
}

// free is the schema of names that are not listed, and whether there may be any.
func (n *node) free() (*node, bool) {
	if n.kind() != "object" || len(n.Additional) == 0 || string(n.Additional) == "false" {
		return nil, false
	}
	var out node
	if json.Unmarshal(n.Additional, &out) != nil {
		return &node{}, true // "true": anything
	}
	return &out, true
}

func (n *node) entry() *node {
	if n.Items == nil {
		return &node{}
	}
	return n.Items
}

// value reads text as the type of n.
func (n *node) value(key, text string) (any, error) {
	if choices := plain(n.Enum); len(choices) > 0 {
		i := slices.Index(choices, text)
		if i < 0 {
			return nil, fault.New(fault.Invalid, "%q is not a value for %q.", text, key).WithHint("Use one of: %s.", strings.Join(choices, ", ")).WithField(pointer(key))
		}
		return n.Enum[i], nil
	}
	switch n.kind() {
	case "string":
		return text, nil
	case "boolean":
		if text != "true" && text != "false" {
			return nil, fault.New(fault.Invalid, "%q is neither true nor false.", text).WithHint("Write %s=true or %s=false.", key, key).WithField(pointer(key))
		}
		return text == "true", nil
	case "integer":
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			return nil, fault.New(fault.Invalid, "%q is not a whole number.", text).WithHint("Write for example %s=4.", key).WithField(pointer(key))
		}
		return json.Number(text), nil
	case "number":
		if _, err := strconv.ParseFloat(text, 64); err != nil || !json.Valid([]byte(text)) {
			return nil, fault.New(fault.Invalid, "%q is not a number.", text).WithHint("Write for example %s=1.5.", key).WithField(pointer(key))
		}
		return json.Number(text), nil
	}
	if !json.Valid([]byte(text)) {
		if n.kind() == "" {
			return text, nil // no type: text is as good as anything
		}
		return nil, fault.New(fault.Invalid, "The value of %q is not JSON.", key).WithHint("Write for example '%s=%s'.", key, map[bool]string{true: `["a","b"]`, false: `{"name":"value"}`}[n.kind() == "array"]).WithField(pointer(key))
	}
	return json.RawMessage(text), nil
}

func (s *Schema) unknown(key string) error {
	var names []string
	for _, f := range s.Fields() {
		names = append(names, f.Name)
	}
	hint := "There are no settings."
	if len(names) > 0 {
		hint = "Settings are: " + strings.Join(names, ", ") + "."
	}
	return fault.New(fault.Invalid, "There is no setting %q.", key).WithHint("%s", hint).WithField(pointer(key))
}

func (s *Schema) sample() string {
	if fields := s.Fields(); len(fields) > 0 {
		return fields[0].Name + "=…"
	}
	return "name=value"
}

// pointer is a key with dots as RFC 6901.
func pointer(key string) string {
	return "/" + strings.ReplaceAll(strings.NewReplacer("~", "~0", "/", "~1").Replace(key), ".", "/")
}

// Completion is one way to go on.
type Completion struct{ Text, Meaning string }

// Complete offers keys, and after "=" values.
func (s *Schema) Complete(begun string) []Completion {
	key, value, named := strings.Cut(begun, "=")
	var out []Completion
	for _, f := range s.Fields() {
		if !named {
			if strings.HasPrefix(f.Name, key) {
				out = append(out, Completion{f.Name + "=", strings.TrimSpace(f.Type + "; " + f.Meaning())})
			}
			continue
		}
		if f.Name != key {
			continue
		}
		choices := f.Choices
		if f.Type == "true or false" {
			choices = []string{"true", "false"}
		}
		for _, choice := range choices {
			if strings.HasPrefix(choice, value) {
				out = append(out, Completion{key + "=" + choice, ""})
			}
		}
	}
	return out
}
