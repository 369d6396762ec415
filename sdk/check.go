package sdk

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"
)

// maxFound bounds how much one check reports.
const maxFound = 50

// checker walks a schema and a document together and explains each difference with a pointer to it,
// which a validator that answers yes or no cannot.
type checker struct{ found []Diagnostic }

func (c *checker) add(code, pointer, summary, detail string) {
	if len(c.found) < maxFound {
		c.found = append(c.found, Diagnostic{
			Severity: SeverityError, Code: code, Summary: summary, Detail: detail, Pointer: pointer,
		})
	}
}

func (c *checker) value(s *jsonschema.Schema, value any, pointer string) {
	if !c.types(s, value, pointer) {
		return
	}
	if len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, func(e any) bool { return sameJSON(e, value) }) {
		c.add("schema.enum", pointer, subject(pointer)+" has a value that is not allowed.",
			"Use one of "+list(s.Enum)+".")
		return
	}
	switch value := value.(type) {
	case map[string]any:
		c.object(s, value, pointer)
	case []any:
		c.array(s, value, pointer)
	case string:
		c.text(s, value, pointer)
	case float64:
		c.number(s, value, pointer)
	}
}

func (c *checker) types(s *jsonschema.Schema, value any, pointer string) bool {
	allowed := s.Types
	if s.Type != "" {
		allowed = []string{s.Type}
	}
	if len(allowed) == 0 || slices.ContainsFunc(allowed, func(t string) bool { return hasType(value, t) }) {
		return true
	}
	c.add("schema.type", pointer,
		fmt.Sprintf("%s must be %s, not %s.", subject(pointer), article(allowed), article([]string{typeOf(value)})),
		"Change the value.")
	return false
}

func (c *checker) object(s *jsonschema.Schema, value map[string]any, pointer string) {
	for _, name := range s.Required {
		if _, ok := value[name]; !ok {
			c.add("schema.required", pointer+"/"+escape(name),
				fmt.Sprintf("The setting %q is missing.", name), describeSetting(s.Properties[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(value)) {
		at := pointer + "/" + escape(name)
		switch property := s.Properties[name]; {
		case property != nil:
			c.value(property, value[name], at)
		case s.AdditionalProperties == nil || matchesPattern(s, name):
		case isFalse(s.AdditionalProperties):
			c.add("schema.unknown", at, fmt.Sprintf("There is no setting %q.", name), known(s))
		default:
			c.value(s.AdditionalProperties, value[name], at)
		}
	}
}

func (c *checker) array(s *jsonschema.Schema, value []any, pointer string) {
	if s.MinItems != nil && len(value) < *s.MinItems {
		c.add("schema.length", pointer, fmt.Sprintf("%s needs at least %d entries.", subject(pointer), *s.MinItems),
			"Add entries.")
	}
	if s.MaxItems != nil && len(value) > *s.MaxItems {
		c.add("schema.length", pointer, fmt.Sprintf("%s has more than %d entries.", subject(pointer), *s.MaxItems),
			"Remove entries.")
	}
	if s.Items == nil {
		return
	}
	for i, item := range value {
		c.value(s.Items, item, fmt.Sprintf("%s/%d", pointer, i))
	}
}

func (c *checker) text(s *jsonschema.Schema, value, pointer string) {
	length := utf8.RuneCountInString(value)
	if s.MinLength != nil && length < *s.MinLength {
		c.add("schema.length", pointer,
			fmt.Sprintf("%s needs at least %d characters.", subject(pointer), *s.MinLength), "Make it longer.")
	}
	if s.MaxLength != nil && length > *s.MaxLength {
		c.add("schema.length", pointer,
			fmt.Sprintf("%s has more than %d characters.", subject(pointer), *s.MaxLength), "Make it shorter.")
	}
	if s.Pattern != "" {
		if ok, err := regexp.MatchString(s.Pattern, value); err == nil && !ok {
			c.add("schema.pattern", pointer, subject(pointer)+" does not have the right form.",
				fmt.Sprintf("It must match %s.", s.Pattern))
		}
	}
}

func (c *checker) number(s *jsonschema.Schema, value float64, pointer string) {
	if s.Minimum != nil && value < *s.Minimum {
		c.add("schema.minimum", pointer, fmt.Sprintf("%s must be at least %v.", subject(pointer), *s.Minimum),
			"Use a larger number.")
	}
	if s.Maximum != nil && value > *s.Maximum {
		c.add("schema.maximum", pointer, fmt.Sprintf("%s must be at most %v.", subject(pointer), *s.Maximum),
			"Use a smaller number.")
	}
}

// known names the settings there are.
func known(s *jsonschema.Schema) string {
	if len(s.Properties) == 0 {
		return "Remove it: no settings are known here."
	}
	return "Settings are: " + strings.Join(slices.Sorted(maps.Keys(s.Properties)), ", ") + "."
}

func describeSetting(s *jsonschema.Schema) string {
	if s == nil || s.Description == "" {
		return "Add it."
	}
	return "Add it: " + s.Description + "."
}

// isFalse reports whether s refuses everything: {"not": {}}.
func isFalse(s *jsonschema.Schema) bool {
	raw, err := json.Marshal(s)
	return err == nil && string(raw) == "false"
}

func matchesPattern(s *jsonschema.Schema, name string) bool {
	for pattern := range s.PatternProperties {
		if ok, err := regexp.MatchString(pattern, name); err == nil && ok {
			return true
		}
	}
	return false
}

func hasType(value any, name string) bool {
	got := typeOf(value)
	return got == name || name == "number" && got == "integer"
}

func typeOf(value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case float64:
		if value == math.Trunc(value) {
			return "integer"
		}
		return "number"
	case []any:
		return "array"
	}
	return "object"
}

func article(types []string) string {
	words := map[string]string{
		"null": "null", "boolean": "true or false", "string": "text", "integer": "a whole number",
		"number": "a number", "array": "a list", "object": "an object",
	}
	var out []string
	for _, t := range types {
		out = append(out, words[t])
	}
	return strings.Join(out, " or ")
}

func list(values []any) string {
	var out []string
	for _, v := range values {
		raw, _ := json.Marshal(v) // decoded from JSON before
		out = append(out, string(raw))
	}
	return strings.Join(out, ", ")
}

func sameJSON(a, b any) bool { return jsonschema.Equal(a, b) }

// subject names the place of a pointer for a sentence.
func subject(pointer string) string {
	if pointer == "" {
		return "The settings"
	}
	return fmt.Sprintf("The setting %q", strings.TrimPrefix(pointer, "/"))
}

// escape returns name as a reference token of RFC 6901.
func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
