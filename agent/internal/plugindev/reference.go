package plugindev

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/left4me/left4me/agent/internal/config"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/setting"
	"github.com/left4me/left4me/sdk"
)

// Reference returns a page in Markdown about a plugin and all of its settings, made of nothing but what it says of itself.
func Reference(d sdk.Description) (string, error) {
	out := "# " + d.Name + "\n\n"
	if doc := strings.TrimSpace(d.Doc); doc != "" {
		out += doc + "\n\n"
	}
	out += "| | |\n|---|---|\n" + fmt.Sprintf("| Kind | %s |\n| Version | %s |\n", d.Kind, d.Version)
	for _, row := range [][2]string{{"Abilities", ticked(d.Capabilities)}, {"Would like", ticked(d.WantedCapabilities)}} {
		if row[1] != "" {
			out += fmt.Sprintf("| %s | %s |\n", row[0], row[1])
		}
	}
	operators, err := settingsOf(d.PluginSchema)
	if err != nil {
		return "", err
	}
	out += "\n## Plugin settings\n\n"
	if len(operators.fields) == 0 {
		out += "There are none.\n"
	} else {
		block, err := config.WriteSettings(operators.example)
		if err != nil {
			return "", fault.Wrap(err, fault.Precondition, "The example of the plugin settings cannot be written.").WithHint("Give the settings names of letters, digits and underscores.")
		}
		out += "The operator gives them in the plugin's block of the agent's configuration. A setting with a dot in its name stands in a block of its own.\n\n" +
			operators.table()
		if string(operators.example) != "{}" {
			out += "\nFor example:\n\n```hcl\n" + block + "```\n"
		}
	}
	if d.Kind != sdk.KindBuilder {
		return out, nil
	}
	overlays, err := settingsOf(d.OverlaySchema)
	if err != nil {
		return "", err
	}
	out += "\n## Overlay settings\n\n"
	if len(overlays.fields) == 0 {
		return out + "There are none.\n", nil
	}
	return out + "People give them in the panel's form, with `--set NAME=VALUE`, or as a document with `--settings`.\n\n" + overlays.table() +
		"\nFor example:\n\n```json\n" + indented(overlays.example) + "\n```\n", nil
}

// described are the settings of a schema, and a document that shows those that have an example.
type described struct {
	fields  []setting.Field
	example json.RawMessage
}

// Example returns a document of settings that shows every setting of the schema that has an example.
func Example(schema json.RawMessage) (json.RawMessage, error) {
	all, err := settingsOf(schema)
	return all.example, err
}

func settingsOf(schema json.RawMessage) (described, error) {
	parsed, err := setting.Parse(schema)
	if err != nil {
		return described{}, err
	}
	out := described{fields: parsed.Fields(), example: json.RawMessage("{}")}
	if all := parsed.Examples(); len(all) > 0 {
		out.example = all[0]
		return out, nil
	}
	document := map[string]any{}
	for _, f := range out.fields {
		if f.Example != "" {
			put(document, strings.Split(f.Name, "."), json.RawMessage(f.Example))
		}
	}
	out.example, err = json.Marshal(document)
	return out, err
}

func put(document map[string]any, names []string, value json.RawMessage) {
	for _, name := range names[:len(names)-1] {
		inner, ok := document[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			document[name] = inner
		}
		document = inner
	}
	document[names[len(names)-1]] = value
}

func (d described) table() string {
	out := "| Setting | Type | Default | Bounds | What it is | Example |\n|---|---|---|---|---|---|\n"
	for _, f := range d.fields {
		fallback := "none"
		if f.Required {
			fallback = "required"
		} else if f.Default != "" {
			fallback = code(compact(f.Default))
		}
		bounds := f.Bounds
		if len(f.Choices) > 0 {
			bounds = "one of " + ticked(f.Choices)
		} else if _, pattern, ok := strings.Cut(bounds, "must match "); ok {
			bounds = strings.TrimSuffix(bounds, pattern) + code(pattern)
		} else {
			bounds = cell(bounds)
		}
		out += fmt.Sprintf("| `%s` | %s | %s | %s | %s | %s |\n", f.Name, f.Type, fallback, bounds, cell(f.Description), code(short(compact(f.Example))))
	}
	return out
}

// maxCell bounds an example in a table; the whole stands below it.
const maxCell = 80

func short(text string) string {
	if runes := []rune(text); len(runes) > maxCell {
		return string(runes[:maxCell]) + "…"
	}
	return text
}

// code is text in a cell as code.
func code(text string) string {
	if text = strings.TrimSpace(text); text == "" {
		return ""
	}
	return "`" + cell(strings.ReplaceAll(text, "`", "'")) + "`"
}

// cell is text that does not end a cell or its row.
func cell(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "|", `\|`)), " ")
}

func ticked(list []string) string {
	var out []string
	for _, text := range list {
		out = append(out, code(text))
	}
	return strings.Join(out, ", ")
}

func indented(document json.RawMessage) string {
	var out bytes.Buffer
	if err := json.Indent(&out, document, "", "  "); err != nil {
		return string(document) // it was valid before
	}
	return unescaped(out.String())
}

func compact(text string) string {
	var out bytes.Buffer
	if err := json.Compact(&out, []byte(text)); err != nil {
		return text // none at all
	}
	return unescaped(out.String())
}

// unescaped undoes what encoding/json does for HTML.
func unescaped(text string) string {
	return strings.NewReplacer(`\u003e`, ">", `\u003c`, "<", `\u0026`, "&").Replace(text)
}
