// Package plugindev is for authors of plugins, on their own machine and without an agent: it writes a first module
// ([New]), holds a binary against the conformance suite ([Verify]) and builds one overlay with it ([Run]).
package plugindev

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/sdktest"
)

// Program is a plugin's binary, or an interpreter with a script, and its own environment.
type Program struct {
	Command []string // path and arguments
	Env     []string // "NAME=value", added to a clean environment
}

// command is the program as the suite starts it, with the same clean environment as under an agent.
func (p Program) command() (sdktest.Command, error) {
	if len(p.Command) == 0 {
		return sdktest.Command{}, fault.New(fault.Invalid, "No program was named.").WithHint("Name the plugin's binary.")
	}
	path := p.Command[0]
	var err error
	if strings.ContainsRune(path, filepath.Separator) {
		path, err = filepath.Abs(path)
	} else if _, missing := os.Stat(path); missing == nil {
		path, err = filepath.Abs(path) // a binary in the present directory
	} else {
		path, err = exec.LookPath(path)
	}
	if err == nil {
		var info os.FileInfo
		if info, err = os.Stat(path); err == nil && (info.IsDir() || info.Mode()&0o111 == 0) {
			return sdktest.Command{}, fault.New(fault.Invalid, "%s is not a program.", p.Command[0]).WithHint("Name the plugin's binary, and make it executable.")
		}
	}
	if err != nil {
		return sdktest.Command{}, fault.New(fault.NotFound, "There is no program %s.", p.Command[0]).WithHint("Build the plugin first, for example with: go build")
	}
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}
	return sdktest.Command{Path: path, Args: p.Command[1:], Env: append(env, p.Env...)}, nil
}

// Describe runs the program's subcommand "describe".
func (p Program) Describe(ctx context.Context) (sdk.Description, error) {
	command, err := p.command()
	if err != nil {
		return sdk.Description{}, err
	}
	d, err := sdktest.Describe(ctx, command)
	return d, inOurWords(err)
}

// inOurWords turns an error of the sdk into one of ours; the codes have the same names. What a plugin did wrong is no
// fault of left4me, so internal becomes precondition.
func inOurWords(err error) error {
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok {
		return err
	}
	code := fault.Code(e.Code)
	if e.Code == sdk.CodeInternal {
		code = fault.Precondition
	}
	return fault.Wrap(err, code, "%s", e.Message).WithHint("%s", e.Hint).WithField(e.Field)
}

// fill replaces {dir} in settings.
func fill(settings json.RawMessage, dir string) json.RawMessage {
	quoted, err := json.Marshal(dir)
	if err != nil {
		return settings // a path always encodes
	}
	return json.RawMessage(strings.ReplaceAll(string(settings), "{dir}", strings.Trim(string(quoted), `"`)))
}
