package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/api"
)

func (a *app) overlayEdit() *cobra.Command {
	return a.build(command{
		use: "edit NAME", short: "Edit an overlay's settings in an editor", args: exactly("NAME"), complete: a.completeOverlay(),
		long: `Open the script of an overlay of type overlay-script, or the settings of another as JSON, in the editor
that VISUAL or EDITOR names. What is refused stays in a file, whose name is printed.`,
		run: func(ctx context.Context, args []string) error {
			agent, err := a.agent()
			if err != nil {
				return err
			}
			old, err := agent.Overlay(ctx, args[0])
			if err != nil {
				return err
			}
			edited, path, err := a.editSettings(ctx, old)
			if err != nil {
				return err
			}
			if edited == nil {
				return a.show(old, func(w io.Writer) { fmt.Fprintln(w, "Nothing was changed.") })
			}
			changed, err := agent.UpdateOverlay(ctx, args[0], api.OverlayUpdate{Settings: edited})
			if err != nil {
				fmt.Fprintf(a.Stderr, "What you wrote is in %s\n", path)
				return err
			}
			return errors.Join(os.RemoveAll(filepath.Dir(path)), a.showOverlay(changed, nil))
		},
	})
}

// editSettings returns the edited settings and the file they are in, or nil settings when they are as
// before.
func (a *app) editSettings(ctx context.Context, o api.Overlay) (json.RawMessage, string, error) {
	before, isScript := scriptOf(o.Settings)
	name := o.Name + ".sh"
	if !isScript {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, o.Settings, "", "  "); err != nil {
			return nil, "", err
		}
		before, name = pretty.String()+"\n", o.Name+".json"
	}
	after, path, err := a.edit(ctx, name, before)
	if err != nil || after == before {
		return nil, path, err
	}
	if isScript {
		edited, err := withScript(o.Settings, after)
		return edited, path, err
	}
	if !json.Valid([]byte(after)) {
		return nil, path, wrong("What you wrote is not valid JSON; it is in %s.", path).hint("Mend it and run: left4me overlay set %s --settings @%s", o.Name, path)
	}
	return json.RawMessage(after), path, nil
}

// edit lets the person's editor change text. The file stays unless nothing was changed.
func (a *app) edit(ctx context.Context, name, text string) (string, string, error) {
	editor := strings.Fields(cmp.Or(a.Getenv("VISUAL"), a.Getenv("EDITOR"), "vi"))
	dir, err := os.MkdirTemp("", "left4me-edit")
	if err != nil {
		return "", "", err
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", "", err
	}
	run := exec.CommandContext(ctx, editor[0], append(editor[1:], path)...)
	run.Stdin, run.Stdout, run.Stderr = a.Stdin, a.Stdout, a.Stderr
	if err := run.Run(); err != nil {
		_ = os.RemoveAll(dir)
		return "", "", wrong("The editor %q failed: %s.", strings.Join(editor, " "), err).hint("Set EDITOR to one that works here.")
	}
	data, err := readFile(path, maxSettings)
	if err == nil && string(data) == text {
		err = os.RemoveAll(dir)
	}
	return string(data), path, err
}
