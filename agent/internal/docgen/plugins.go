package docgen

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/left4me/left4me/agent/internal/plugindev"
	"github.com/left4me/left4me/agent/internal/setting"
	"github.com/left4me/left4me/sdk"
)

// Plugin is one whose page is written.
type Plugin struct {
	Source      string // directory in the checkout
	Description sdk.Description
}

// Plugins returns a page for each plugin, and an index. Keys are file names. It fails when a setting says too little about itself,
// or when its default or example does not fit.
func Plugins(all []Plugin) (map[string]string, error) {
	out := map[string]string{}
	index := generated + `# Plugins and their settings

What each plugin says of itself, as ` + "`left4me plugin docs BINARY`" + ` prints it for any other one. A plugin has settings of its own, which the operator
gives in its block of the [configuration](../agent.hcl), and a builder has settings for each overlay.

| Plugin | Kind | Source |
|---|---|---|
`
	for _, p := range all {
		d := p.Description
		for whose, schema := range map[string]json.RawMessage{"plugin": d.PluginSchema, "overlay": d.OverlaySchema} {
			if err := tells(schema); err != nil {
				return nil, fmt.Errorf("%s, %s settings: %w", p.Source, whose, err)
			}
		}
		page, err := plugindev.Reference(d)
		if err != nil {
			return nil, err
		}
		out[d.Name+".md"] = generated + page
		index += fmt.Sprintf("| [%s](%s.md) | %s | `%s` |\n", d.Name, d.Name, d.Kind, p.Source)
	}
	out["README.md"] = index
	return out, nil
}

// tells checks that every setting of a schema says what it is, and that what the page shows of it can be used.
func tells(schema json.RawMessage) error {
	if len(schema) == 0 {
		return nil
	}
	parsed, err := setting.Parse(schema)
	if err != nil {
		return err
	}
	for _, f := range parsed.Fields() {
		if strings.TrimSpace(f.Description) == "" {
			return fmt.Errorf("%s has no description", f.Name)
		}
		if f.Default == "" && f.Example == "" {
			return fmt.Errorf("%s has neither a default nor an example", f.Name)
		}
	}
	checker, err := sdk.ParseSchema(schema)
	if err != nil {
		return fmt.Errorf("defaults do not fit the schema: %w", err)
	}
	example, err := plugindev.Example(schema)
	if err != nil {
		return err
	}
	if found := checker.Check(example); len(found) > 0 {
		return fmt.Errorf("examples do not fit the schema: %s %s", found[0].Pointer, found[0].Summary)
	}
	return nil
}
