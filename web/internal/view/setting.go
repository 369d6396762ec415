package view

import (
	"reflect"
	"strings"

	"github.com/left4me/left4me/agent/api"
)

// Setting is one typed setting of a blueprint. What it is called and means stands in the tags of [api.BlueprintSettings].
type Setting struct {
	Name    string // in the API, with a dot for what is inside: "limits.tasks"
	Label   string
	Help    string
	Kind    FieldKind
	Choices []string // of KindChoice
	Suggest []string // proposed, others work too
	Group   string   // heading it stands below
	Index   []int    // of the field in api.BlueprintSettings
}

// ID is the name of the setting's input, and what the agent calls the field in a problem.
func (s Setting) ID() string { return "settings." + s.Name }

// ListID is the id of the list of what is suggested.
func (s Setting) ListID() string { return "suggest-" + strings.ReplaceAll(s.Name, ".", "-") }

// placeholder says what an empty input stands for.
func (s Setting) placeholder() string {
	if strings.Contains(s.Name, ".") {
		return "the host's own"
	}
	return "the game's own"
}

// Words for a switch that can also be left alone.
const (
	Yes = "yes"
	No  = "no"
)

// BlueprintSettings returns the typed settings, in the order of the API.
func BlueprintSettings() []Setting {
	return settingsOf(reflect.TypeFor[api.BlueprintSettings](), "", "Game", nil)
}

func settingsOf(of reflect.Type, prefix, group string, index []int) []Setting {
	var out []Setting
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		at := append(append([]int{}, index...), i)
		if f.Type.Kind() == reflect.Struct {
			out = append(out, settingsOf(f.Type, prefix+name+".", f.Tag.Get("doc"), at)...)
			continue
		}
		s := Setting{Name: prefix + name, Label: f.Tag.Get("label"), Help: f.Tag.Get("doc"), Group: group, Index: at,
			Suggest: strings.Fields(f.Tag.Get("suggest"))}
		if s.Label == "" {
			s.Label = label(name)
		}
		s.describe(f)
		out = append(out, s)
	}
	return out
}

func (s *Setting) describe(f reflect.StructField) {
	_, many := f.Tag.Lookup("lines")
	choices := strings.Fields(f.Tag.Get("choices"))
	switch {
	case f.Type == reflect.TypeFor[*bool]():
		s.Kind, s.Choices = KindChoice, []string{"", Yes, No}
	case f.Type.Kind() == reflect.Bool:
		s.Kind = KindBool
	case f.Type.Kind() == reflect.Int, f.Type == reflect.TypeFor[*int]():
		s.Kind = KindNumber
	case f.Type.Kind() == reflect.Slice:
		s.Kind = KindLines
	case many:
		s.Kind = KindCode
	case len(choices) > 0:
		s.Kind, s.Choices = KindChoice, append([]string{""}, choices...)
	default:
		s.Kind = KindText
	}
}

// settingGroups returns the settings by their headings, in order.
func settingGroups() [][]Setting {
	var out [][]Setting
	for _, s := range BlueprintSettings() {
		if last := len(out) - 1; last >= 0 && out[last][0].Group == s.Group {
			out[last] = append(out[last], s)
			continue
		}
		out = append(out, []Setting{s})
	}
	return out
}

// NumberedLine is a line of a generated file.
type NumberedLine struct {
	Text     string
	Findings []api.Finding // about it
}

// configLines splits server.cfg and puts the findings beside the lines they are about. Findings count in the lines
// that a person wrote, which stand in the generated file in their order.
func configLines(preview api.BlueprintPreview, typed []string) (lines []NumberedLine, others []api.Finding) {
	at := make([]int, len(typed)) // where a typed line stands
	next := 0
	for i, text := range strings.Split(strings.TrimRight(preview.ServerConfig, "\n"), "\n") {
		lines = append(lines, NumberedLine{Text: text})
		if next < len(typed) && text == typed[next] {
			at[next] = i + 1
			next++
		}
	}
	for _, f := range preview.Findings {
		if f.Line < 1 || f.Line > len(at) || at[f.Line-1] == 0 {
			others = append(others, f)
			continue
		}
		line := &lines[at[f.Line-1]-1]
		line.Findings = append(line.Findings, f)
	}
	return lines, others
}
