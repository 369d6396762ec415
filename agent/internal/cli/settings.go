package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// maxSettings bounds settings and scripts, as the API does.
const maxSettings = 1 << 20

// settingsFlags are the ways to give an overlay's settings.
type settingsFlags struct {
	settings string
	script   string
	set      []string
}

func (f *settingsFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.settings, "settings", "", "settings as a JSON object, @FILE, or - for standard input")
	flags.StringArrayVar(&f.set, "set", nil, "KEY=VALUE of the settings, see: left4me overlay types TYPE; may be repeated, of a list each is an entry, and KEY= removes")
	flags.StringVar(&f.script, "script", "", "file with the script, for overlays of type overlay-script")
}

func (f *settingsFlags) any() bool { return f.settings != "" || f.script != "" || len(f.set) > 0 }

// merge returns the settings that the flags make of old ones: --settings replaces all of them, --script
// only the script. nil means that nothing was given.
func (f *settingsFlags) merge(stdin io.Reader, old json.RawMessage) (json.RawMessage, error) {
	if f.settings != "" {
		data, err := f.read(stdin)
		if err != nil {
			return nil, err
		}
		old = data
	}
	if f.script == "" {
		return old, nil
	}
	script, err := readFile(f.script, maxSettings)
	if err != nil {
		return nil, err
	}
	return withScript(old, string(script))
}

func (f *settingsFlags) read(stdin io.Reader) (data json.RawMessage, err error) {
	switch path, isFile := strings.CutPrefix(f.settings, "@"); {
	case isFile:
		data, err = readFile(path, maxSettings)
	case f.settings == "-":
		data, err = io.ReadAll(io.LimitReader(stdin, maxSettings))
	default:
		data = json.RawMessage(f.settings)
	}
	if err == nil && !json.Valid(data) {
		err = wrong("The settings are not valid JSON.").hint(`Give one object, for example --settings '{"items":["123456789"]}'`)
	}
	return data, err
}

// withScript sets the script in settings and keeps the rest.
func withScript(settings json.RawMessage, script string) (json.RawMessage, error) {
	object := map[string]json.RawMessage{}
	if len(settings) > 0 {
		if err := json.Unmarshal(settings, &object); err != nil {
			return nil, wrong("The settings are not a JSON object.").hint("Give one object with --settings.")
		}
	}
	text, err := json.Marshal(script)
	if err != nil {
		return nil, err
	}
	object["script"] = text
	return json.Marshal(object)
}

// scriptOf returns the script in settings, if there is one.
func scriptOf(settings json.RawMessage) (string, bool) {
	var object map[string]json.RawMessage
	var script string
	if json.Unmarshal(settings, &object) != nil || json.Unmarshal(object["script"], &script) != nil {
		return "", false
	}
	return script, true
}

// indented shows settings for people: a script as its lines, the rest as JSON.
func indented(settings json.RawMessage) string {
	script, has := scriptOf(settings)
	if has {
		var object map[string]json.RawMessage
		if json.Unmarshal(settings, &object) == nil {
			delete(object, "script")
			settings, _ = json.Marshal(object) // it was just decoded
		}
	}
	var out bytes.Buffer
	if err := json.Indent(&out, settings, "  ", "  "); err != nil {
		return "  (none)"
	}
	if !has {
		return "  " + out.String()
	}
	shown := "  script:\n"
	for line := range strings.Lines(script) {
		shown += "    " + line
	}
	if out.String() != "{}" {
		shown = "  " + out.String() + "\n" + shown
	}
	return shown
}
