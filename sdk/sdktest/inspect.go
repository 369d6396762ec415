package sdktest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/left4me/left4me/sdk"
)

// describeTime is how long a program may take to describe itself, maxDescription how much it may print, in bytes.
const (
	describeTime   = 30 * time.Second
	maxDescription = 8 << 20
)

// bounded keeps the beginning of what is written to it.
type bounded struct{ bytes.Buffer }

// Write implements io.Writer. What is too much is read and dropped, so that the program goes on.
func (b *bounded) Write(data []byte) (int, error) {
	if room := maxDescription - b.Len(); room > 0 {
		_, _ = b.Buffer.Write(data[:min(room, len(data))]) // it never fails
	}
	return len(data), nil
}

// Describe runs the subcommand "describe" of a plugin's program, for half a minute at most. What the program started in its process
// group ends with it.
func Describe(ctx context.Context, command Command) (sdk.Description, error) {
	ctx, cancel := context.WithTimeout(ctx, describeTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, command.Path, append(append([]string{}, command.Args...), "describe")...)
	cmd.Env = command.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // a child may hold the pipes
	var out, complaint bounded
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // nothing is left, as a rule
	}
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		return sdk.Description{}, sdk.Wrap(err, sdk.CodePrecondition, "The program "+command.Path+" is not one that this machine can run.").
			WithHint("Build it for this system and processor, or begin a script with #! and its interpreter.")
	case ctx.Err() != nil:
		return sdk.Description{}, sdk.Wrap(ctx.Err(), sdk.CodePrecondition, "The program "+command.Path+" did not describe itself in time.").
			WithHint(`It must print JSON and end when it is run with the argument "describe".`)
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
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
	if len(line) > 300 {
		line = line[:300] + "…"
	}
	return strings.ToValidUTF8(line, "?")
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
