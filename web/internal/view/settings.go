package view

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

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
	KindPairs  FieldKind = "pairs" // texts by name, NAME=value on each line
	KindCode   FieldKind = "code"  // a long text
	KindJSON   FieldKind = "json"  // anything else
)

// Field is one setting of an overlay, as its type's schema describes it.
type Field struct {
	Name     string // the property; "" = all settings as one JSON object
	Inner    string // the property within Name that the field stands for; "" = all of Name
	Group    string // what the fields of one property have in common; "" = none
	About    string // of the first field of a group: what the group is
	Example  string // what the author would write, as the input takes it; "" = nothing
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
func (f Field) Wide() bool { return f.Kind == KindCode || f.Multiline() }

// Multiline reports whether the field takes lines, but no code.
func (f Field) Multiline() bool {
	return f.Kind == KindJSON || f.Kind == KindLines || f.Kind == KindPairs
}

// ID is the name of the field's input.
func (f Field) ID() string { return "set." + strings.TrimSuffix(f.Name+"."+f.Inner, ".") }

// Pointer is how the agent names the field in a problem.
func (f Field) Pointer() string { return "settings/" + strings.TrimSuffix(f.Name+"/"+f.Inner, "/") }

// SettingsForm is the form of an overlay's settings, made from a JSON schema.
type SettingsForm struct {
	Type   string
	Fields []Field
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
		if s.closed() {
			form.Fields = append(form.Fields, group(name, whole.Properties[name], s, values[name])...)
			continue
		}
		form.Fields = append(form.Fields, newField(name, s, slices.Contains(whole.Required, name), values[name]))
	}
	return form
}

// group makes the fields of a property that is an object with known properties only.
func group(name string, raw json.RawMessage, s schema, value json.RawMessage) []Field {
	var values, defaults map[string]json.RawMessage
	_ = json.Unmarshal(value, &values)
	_ = json.Unmarshal(s.Default, &defaults)
	var out []Field
	for _, inner := range propertyOrder(raw) {
		var property schema
		if json.Unmarshal(s.Properties[inner], &property) != nil {
			continue
		}
		if property.Default == nil {
			property.Default = defaults[inner]
		}
		f := newField(inner, property, false, values[inner])
		f.Name, f.Inner = name, inner
		if f.Group = s.label(name); len(out) == 0 {
			f.About = sentence(s.Description)
		}
		out = append(out, f)
	}
	return out
}

func newField(name string, s schema, required bool, value json.RawMessage) Field {
	f := Field{Name: name, Label: s.label(name), Help: s.Description, Required: required}
	f.describe(name, s)
	if f.Kind == KindPairs && !pairsFit(value) {
		f.Kind = KindJSON // nothing that is there may be lost
	}
	f.Default = f.show(s.Default)
	if len(s.Examples) > 0 && f.Kind != KindCode {
		f.Example = f.show(s.Examples[0])
	}
	f.Value = f.show(value)
	if f.Kind == KindBool && value == nil {
		f.Value = f.Default
	}
	return f
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
	case s.maps():
		f.Kind = KindPairs
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
	case KindPairs:
		return showPairs(value)
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

// fieldGroup is a run of fields with a name in common.
type fieldGroup struct {
	name   string
	fields []Field
}

// groups puts the fields of one property together, in the order of the form.
func (s SettingsForm) groups() []fieldGroup {
	var out []fieldGroup
	for _, f := range s.Fields {
		if last := len(out) - 1; last >= 0 && out[last].name == f.Group {
			out[last].fields = append(out[last].fields, f)
			continue
		}
		out = append(out, fieldGroup{f.Group, []Field{f}})
	}
	return out
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
	parts := []string{sentence(f.Help)}
	switch f.Kind {
	case KindLines:
		parts = append(parts, "One per line.")
	case KindPairs:
		parts = append(parts, "One name=value per line.")
	}
	switch {
	case f.Min != "" && f.Max != "":
		parts = append(parts, f.Min+" to "+f.Max+".")
	case f.Min != "" && f.Min != "0":
		parts = append(parts, "At least "+f.Min+".")
	case f.Max != "":
		parts = append(parts, "At most "+f.Max+".")
	}
	if f.Default != "" && !f.Multiline() && f.Kind != KindBool {
		parts = append(parts, "If empty: "+f.Default+".")
	}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), " ")
}

// placeholder is what an empty input shows: what it stands for, or else an example.
func (f Field) placeholder() string {
	if f.Default == "" && f.Example != "" {
		return "Example: " + f.Example
	}
	return f.Default
}

// sentence writes what an author left as a note.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || strings.ContainsRune(".!?:", rune(text[len(text)-1])) {
		return upperFirst(text)
	}
	return upperFirst(text) + "."
}

func upperFirst(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + text[size:]
}

func settingsTitle(d OverlayData) string {
	if d.edits() {
		return "Script"
	}
	return "Settings"
}
