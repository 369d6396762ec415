package config

import (
	"encoding/json"
	"regexp"
	"slices"
)

// redacted replaces a value that looks like a secret.
const redacted = "[redacted]"

var secretKey = regexp.MustCompile(`(?i)(secret|token|passw(or)?d|credential|(api|access|private|auth|steam)_?-?key)`)

// Redacted returns a copy that may be shown: values below keys that look like secrets are replaced in the
// plugins' settings and environments. The agent's own secrets are in files and never part of a Config.
func (c *Config) Redacted() *Config {
	out := *c
	out.Plugins = slices.Clone(c.Plugins)
	for i := range out.Plugins {
		p := &out.Plugins[i]
		p.Settings = redactJSON(p.Settings)
		if p.Launch.Environment == nil {
			continue
		}
		environment := map[string]string{}
		for name, value := range p.Launch.Environment {
			if secretKey.MatchString(name) {
				value = redacted
			}
			environment[name] = value
		}
		p.Launch.Environment = environment
	}
	return &out
}

// redactJSON works on whole documents; one that does not parse is replaced as a whole.
func redactJSON(document json.RawMessage) json.RawMessage {
	if len(document) == 0 {
		return document
	}
	var value any
	if err := json.Unmarshal(document, &value); err != nil {
		return json.RawMessage(`"` + redacted + `"`)
	}
	out, err := json.Marshal(redactValue(value))
	if err != nil {
		return json.RawMessage(`"` + redacted + `"`)
	}
	return out
}

func redactValue(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if secretKey.MatchString(key) {
				v[key] = redacted
				continue
			}
			v[key] = redactValue(inner)
		}
	case []any:
		for i := range v {
			v[i] = redactValue(v[i])
		}
	}
	return value
}
