package sdktest

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"strings"

	"github.com/left4me/left4me/sdk"
)

// Describe runs the subcommand "describe" of a plugin's program.
func Describe(ctx context.Context, command Command) (sdk.Description, error) {
	cmd := exec.CommandContext(ctx, command.Path, append(append([]string{}, command.Args...), "describe")...)
	cmd.Env = command.Env
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		text := firstLine(complaint.String())
		if text == "" {
			text = err.Error()
		}
		return sdk.Description{}, sdk.Wrap(err, sdk.CodePrecondition, "The program "+command.Path+` cannot describe itself: `+text).
			WithHint(`A plugin prints JSON when it is run with the argument "describe".`)
	}
	var d sdk.Description
	if err := json.Unmarshal(out.Bytes(), &d); err != nil || d.Name == "" || d.Kind == "" {
		return sdk.Description{}, sdk.Wrap(err, sdk.CodePrecondition, "What "+command.Path+" describe printed is not the description of a plugin.").
			WithHint("It must be a JSON object with name, version and kind, see the protocol reference.")
	}
	return d, nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// Examples returns the settings documents that a schema gives as its examples and that fit it; {} counts as one when
// there are none and it fits.
func Examples(schema json.RawMessage) []json.RawMessage {
	parsed, err := sdk.ParseSchema(schema)
	if err != nil {
		return nil
	}
	var root struct{ Examples []json.RawMessage }
	_ = json.Unmarshal(schema, &root) // it was parsed before
	if len(root.Examples) == 0 {
		root.Examples = []json.RawMessage{json.RawMessage("{}")}
	}
	var fit []json.RawMessage
	for _, example := range root.Examples {
		if len(parsed.Check(example)) == 0 {
			fit = append(fit, example)
		}
	}
	return fit
}
