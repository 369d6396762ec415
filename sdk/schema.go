package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/jsonschema-go/jsonschema"
)

// MaxSettings bounds a settings document, in bytes.
const MaxSettings = 1 << 20

// Schema is a JSON Schema 2020-12 that checks settings. It is safe for concurrent use.
type Schema struct {
	raw      json.RawMessage
	root     *jsonschema.Schema
	resolved *jsonschema.Resolved
}

// ParseSchema reads a schema document. References to other documents are refused.
func ParseSchema(raw json.RawMessage) (*Schema, error) {
	var root jsonschema.Schema
	if err := json.Unmarshal(raw, &root); err != nil {
		return nil, fmt.Errorf("parse schema: %w", err)
	}
	resolved, err := root.Resolve(&jsonschema.ResolveOptions{ValidateDefaults: true})
	if err != nil {
		return nil, fmt.Errorf("resolve schema: %w", err)
	}
	return &Schema{raw: raw, root: &root, resolved: resolved}, nil
}

// MarshalJSON returns the schema document.
func (s *Schema) MarshalJSON() ([]byte, error) { return s.raw, nil }

// Check returns what is wrong with a settings document, in the order of the document's schema. Nothing
// wrong gives nil. An empty document counts as {}.
func (s *Schema) Check(settings json.RawMessage) []Diagnostic {
	value, err := parseSettings(settings)
	if err != nil {
		return []Diagnostic{*err}
	}
	c := checker{}
	c.value(s.root, value, "")
	if len(c.found) == 0 {
		// Keywords that the checker does not explain, such as oneOf.
		if err := s.resolved.Validate(value); err != nil {
			c.add("schema.invalid", "", "The settings do not fit the schema.", err.Error())
		}
	}
	return c.found
}

// parseSettings decodes a document to the values that encoding/json makes.
func parseSettings(settings json.RawMessage) (any, *Diagnostic) {
	if len(bytes.TrimSpace(settings)) == 0 {
		return map[string]any{}, nil
	}
	if len(settings) > MaxSettings {
		return nil, &Diagnostic{
			Severity: SeverityError, Code: "schema.size", Summary: "The settings are too large.",
			Detail: fmt.Sprintf("Settings may have at most %d bytes.", MaxSettings),
		}
	}
	var value any
	if err := json.Unmarshal(settings, &value); err != nil {
		return nil, &Diagnostic{
			Severity: SeverityError, Code: "schema.syntax", Summary: "The settings are not valid JSON.",
			Detail: syntaxDetail(err),
		}
	}
	return value, nil
}

func syntaxDetail(err error) string {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("At byte %d: %s.", syntax.Offset, syntax.Error())
	}
	return err.Error() + "."
}

// Decoder turns settings documents into values of T and has the schema made from T.
type Decoder[T any] struct{ schema *Schema }

// NewDecoder makes the schema of T: a struct whose fields have json tags. A field without omitempty or
// omitzero is required, a jsonschema tag is its description, unknown keys are refused. Each refine
// function may add what Go types cannot say, such as enum, minimum, pattern, title or default. It
// fails when T or the outcome is no valid schema, which is a mistake of the plugin's author.
func NewDecoder[T any](refine ...func(*jsonschema.Schema)) (*Decoder[T], error) {
	root, err := jsonschema.For[T](nil)
	if err != nil {
		return nil, err
	}
	root.Schema = "https://json-schema.org/draft/2020-12/schema"
	withoutNull(root)
	for _, f := range refine {
		f(root)
	}
	raw, err := json.Marshal(root)
	if err != nil {
		return nil, err
	}
	schema, err := ParseSchema(raw)
	if err != nil {
		return nil, err
	}
	return &Decoder[T]{schema: schema}, nil
}

// withoutNull removes the null that the schema of a Go slice or pointer allows: people leave a key
// out, and a form cannot offer two types.
func withoutNull(s *jsonschema.Schema) {
	if len(s.Types) == 2 && s.Types[0] == "null" {
		s.Type, s.Types = s.Types[1], nil
	}
	for _, property := range s.Properties {
		withoutNull(property)
	}
	if s.Items != nil {
		withoutNull(s.Items)
	}
	if s.AdditionalProperties != nil {
		withoutNull(s.AdditionalProperties)
	}
}

// Schema returns the schema of T.
func (d *Decoder[T]) Schema() *Schema { return d.schema }

// Decode returns the value of a settings document, with the schema's defaults filled in, or
// diagnostics with an error in them.
func (d *Decoder[T]) Decode(settings json.RawMessage) (T, []Diagnostic) {
	var value T
	if found := d.schema.Check(settings); len(found) > 0 {
		return value, found
	}
	document, err := d.withDefaults(settings)
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(document))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(&value)
	}
	if err != nil {
		return value, []Diagnostic{{
			Severity: SeverityError, Code: "schema.decode",
			Summary: "The settings cannot be read.", Detail: err.Error(),
		}}
	}
	return value, nil
}

func (d *Decoder[T]) withDefaults(settings json.RawMessage) ([]byte, error) {
	if len(bytes.TrimSpace(settings)) == 0 {
		settings = json.RawMessage("{}")
	}
	var document any
	decoder := json.NewDecoder(bytes.NewReader(settings))
	decoder.UseNumber() // large integers survive
	if err := decoder.Decode(&document); err != nil {
		return nil, err
	}
	if err := d.schema.resolved.ApplyDefaults(&document); err != nil {
		return nil, err
	}
	return json.Marshal(document)
}
