package view

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/a-h/templ"
)

// FieldKind says how a setting is edited.
type FieldKind string

// Kinds of field.
const (
	KindText   FieldKind = "text"
	KindNumber FieldKind = "number"
	KindBool   FieldKind = "bool"
	KindChoice FieldKind = "choice"
	KindLines  FieldKind = "lines" // a list of texts, one per line
	KindCode   FieldKind = "code"  // a long text
	KindJSON   FieldKind = "json"  // anything else
)

// Field is one setting of an overlay, as its type's schema describes it.
type Field struct {
	Name     string // "" = all settings as one JSON object
	Label    string
	Help     string
	Kind     FieldKind
	Choices  []string
	Value    string
	Default  string // what an empty input stands for, as its input takes it; "" = nothing
	Required bool
	Min, Max string // of KindNumber; "" = none
	MaxLen   int    // of KindText; 0 = not bounded
}

// Wide reports whether the field needs the width of the form.
func (f Field) Wide() bool { return f.Kind == KindCode || f.Kind == KindJSON }

// ID is the name of the field's input.
func (f Field) ID() string { return "set." + f.Name }

// SettingsForm is the form of an overlay's settings, made from a JSON schema.
type SettingsForm struct {
	Type   string
	Fields []Field
}

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

// NewSettingsForm makes the form of a type from its schema, filled with settings. A schema that cannot be read
// gives one field with the whole settings as JSON.
func NewSettingsForm(typeName string, raw, settings json.RawMessage) *SettingsForm {
	form := &SettingsForm{Type: typeName}
	var whole schema
	var values map[string]json.RawMessage
	if json.Unmarshal(raw, &whole) != nil || len(whole.Properties) == 0 {
		if string(whole.Additional) != "false" {
			f := Field{Label: "Settings", Help: "As JSON.", Kind: KindJSON}
			f.Value = f.show(settings)
			form.Fields = []Field{f}
		}
		return form
	}
	_ = json.Unmarshal(settings, &values) // what does not fit is shown empty
	for _, name := range propertyOrder(raw) {
		var s schema
		if json.Unmarshal(whole.Properties[name], &s) != nil {
			continue
		}
		f := Field{Name: name, Label: label(name), Help: s.Description, Required: slices.Contains(whole.Required, name)}
		if s.Title != "" {
			f.Label = s.Title
		}
		f.describe(name, s)
		f.Default = f.show(s.Default)
		f.Value = f.show(values[name])
		if f.Kind == KindBool && values[name] == nil {
			f.Value = f.Default
		}
		form.Fields = append(form.Fields, f)
	}
	return form
}

func (f *Field) describe(name string, s schema) {
	switch {
	case len(s.Enum) > 0:
		f.Kind = KindChoice
		if !f.Required {
			f.Choices = []string{""}
		}
		for _, choice := range s.Enum {
			if text, ok := choice.(string); ok && text != "" {
				f.Choices = append(f.Choices, text)
			}
		}
	case s.is("boolean"):
		f.Kind = KindBool
	case s.is("integer"), s.is("number"):
		f.Kind, f.Min, f.Max = KindNumber, s.Minimum.String(), s.Maximum.String()
	case s.is("array") && s.Items != nil && s.Items.is("string"):
		f.Kind = KindLines
	case s.is("string") && (name == "script" || s.Media != ""):
		f.Kind = KindCode
	case s.is("string"):
		f.Kind, f.MaxLen = KindText, s.MaxLength
	default:
		f.Kind = KindJSON
	}
}

// show writes a value the way its input takes it.
func (f *Field) show(value json.RawMessage) string {
	if len(value) == 0 || string(value) == "null" {
		return ""
	}
	switch f.Kind {
	case KindLines:
		var list []string
		_ = json.Unmarshal(value, &list)
		return strings.Join(list, "\n")
	case KindText, KindCode, KindChoice:
		var text string
		_ = json.Unmarshal(value, &text)
		return text
	case KindJSON:
		var out bytes.Buffer
		if json.Indent(&out, value, "", "  ") == nil {
			return out.String()
		}
	}
	return string(value)
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

func label(name string) string {
	words := strings.ReplaceAll(strings.ReplaceAll(name, "_", " "), "-", " ")
	if words == "" {
		return name
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// Edits reports whether there is code to write.
func (s SettingsForm) Edits() bool {
	return slices.ContainsFunc(s.Fields, func(f Field) bool { return f.Kind == KindCode })
}

// required returns the attribute for an input that must be filled in.
func (f Field) required() templ.Attributes { return templ.Attributes{"required": f.Required} }

// choiceLabel is what an option says: an empty one what it stands for.
func (f Field) choiceLabel(choice string) string {
	if choice != "" {
		return choice
	}
	return orDash(f.Default)
}

func settingLabel(f Field) string {
	if f.Required {
		return f.Label + " (required)"
	}
	return f.Label
}

// settingHelp is the author's sentence, and what nobody says but the schema.
func settingHelp(f Field) string {
	parts := []string{f.Help}
	if f.Kind == KindLines {
		parts = append(parts, "One per line.")
	}
	switch {
	case f.Min != "" && f.Max != "":
		parts = append(parts, f.Min+" to "+f.Max+".")
	case f.Min != "":
		parts = append(parts, "At least "+f.Min+".")
	case f.Max != "":
		parts = append(parts, "At most "+f.Max+".")
	}
	if f.Default != "" && f.Kind != KindLines && f.Kind != KindJSON {
		parts = append(parts, "If empty: "+f.Default+".")
	}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), " ")
}

func settingsTitle(d OverlayData) string {
	if d.edits() {
		return "Script"
	}
	return "Settings"
}
