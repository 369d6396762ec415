package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/client"
	"github.com/left4me/left4me/agent/internal/plugindev"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/sdktest"
)

// verdict is the whole of a verification.
type verdict struct {
	Plugin  string            `json:"plugin"`
	Version string            `json:"version"`
	Kind    sdk.KindName      `json:"kind"`
	Passed  int               `json:"passed"`
	Failed  int               `json:"failed"`
	Skipped int               `json:"skipped"`
	Checks  []sdktest.Outcome `json:"checks"`
}

func (v *verdict) add(o sdktest.Outcome) {
	v.Checks = append(v.Checks, o)
	switch o.Status {
	case sdktest.Failed:
		v.Failed++
	case sdktest.Skipped:
		v.Skipped++
	default:
		v.Passed++
	}
}

func (a *app) pluginVerify() *cobra.Command {
	var options plugindev.VerifyOptions
	var documents documentFlags
	var env, secrets []string
	out := a.build(command{
		use: "verify BINARY [ARGUMENT...]", short: "Hold a plugin against everything the protocol promises", args: atLeast("BINARY"),
		long: `Start a plugin several dozen times, as the agent does, and try everything that the protocol promises. No agent, no Go and no
network are needed. Each check is explained in the reference; what fails says why, and what to do next. The status is 7 when a
check failed.

What is built comes from the examples in the plugin's schemas, or from the flags. Run a mounter as the user it is meant for.`,
		example: `  left4me plugin verify ./overlay-motd
  left4me plugin verify ./overlay-motd --overlay '{"text":"a"}' --changed '{"text":"b"}' --only C39,C40 --format json
  left4me plugin verify -- python3 overlay.py --verbose`,
		run: func(ctx context.Context, args []string) error {
			err := documents.into(a.Stdin, &options)
			if err == nil && len(secrets) > 0 {
				options.Secrets, err = pairsOf(secrets, "secret")
			}
			if err != nil {
				return err
			}
			return a.verify(ctx, plugindev.Program{Command: args, Env: env}, options)
		},
	})
	flags := out.Flags()
	flags.StringVar(&documents.settings, "settings", "", "the operator's settings of the plugin; {dir} in them is a directory of the check")
	flags.StringVar(&documents.overlay, "overlay", "", "settings of an overlay that can be built: a JSON object, FILE, or - for standard input")
	flags.StringVar(&documents.changed, "changed", "", "settings of another overlay")
	flags.StringVar(&documents.endless, "endless", "", "settings of an overlay whose build lasts until it is canceled; without them three checks are skipped")
	flags.StringArrayVar(&secrets, "secret", nil, "NAME=VALUE of a secret that the plugin or its overlays need; without any one check is skipped")
	flags.BoolVar(&options.Unstable, "unstable", false, "two builds with the same settings may differ")
	flags.StringSliceVar(&options.Only, "only", nil, "ids of checks to run")
	flags.StringArrayVar(&env, "env", nil, "NAME=VALUE for the plugin's otherwise clean environment")
	return out
}

func (a *app) verify(ctx context.Context, program plugindev.Program, options plugindev.VerifyOptions) error {
	v := verdict{Checks: []sdktest.Outcome{}}
	begun := time.Now()
	d, err := plugindev.Verify(ctx, program, options, func(o sdktest.Outcome) {
		v.add(o)
		if a.format != "json" {
			printOutcome(a.Stdout, o)
		}
	})
	if err != nil {
		return err
	}
	v.Plugin, v.Version, v.Kind = d.Name, d.Version, d.Kind
	err = a.show(v, func(w io.Writer) {
		fmt.Fprintf(w, "%s %s, a %s: %d passed, %d failed, %d skipped in %s\n", v.Plugin, v.Version, v.Kind, v.Passed, v.Failed, v.Skipped,
			time.Since(begun).Round(100*time.Millisecond))
	})
	if err == nil && v.Failed > 0 {
		err = &jobFailed{&client.Error{Code: client.CodePrecondition, Source: "client",
			Message: fmt.Sprintf("%s fails %s.", cmp.Or(v.Plugin, "The plugin"), counted(v.Failed, "check")),
			Hint:    "Each is explained in docs/reference/plugin-checks.md. Run one alone with --only ID."}}
	}
	return err
}

// printOutcome prints a row, and what an author needs when it is no pass.
func printOutcome(w io.Writer, o sdktest.Outcome) {
	mark := map[sdktest.Status]string{sdktest.Passed: "ok", sdktest.Failed: "FAIL", sdktest.Skipped: "skip"}[o.Status]
	fmt.Fprintf(w, "%-4s  %s  %s\n", mark, o.ID, o.Name)
	for _, reason := range o.Reasons {
		for line := range strings.Lines(reason) {
			fmt.Fprintf(w, "           %s\n", printable(strings.TrimRight(line, "\n")))
		}
	}
	if o.Status != sdktest.Failed {
		return
	}
	for _, note := range o.Notes {
		for line := range strings.Lines(note) {
			fmt.Fprintf(w, "           | %s\n", printable(strings.TrimRight(line, "\n")))
		}
	}
	fmt.Fprintf(w, "           why:  %s\n           next: %s\n", o.Why, o.Next)
}

// documentFlags are settings given on the command line.
type documentFlags struct{ settings, overlay, changed, endless string }

func (f *documentFlags) into(stdin io.Reader, options *plugindev.VerifyOptions) (err error) {
	for _, one := range []struct {
		text string
		into *json.RawMessage
	}{{f.settings, &options.Settings}, {f.overlay, &options.Overlay}, {f.changed, &options.Changed}, {f.endless, &options.Endless}} {
		if one.text == "" {
			continue
		}
		if *one.into, err = readDocument(stdin, one.text); err != nil {
			return err
		}
	}
	return nil
}

// readDocument reads a JSON object that is given as such, by file, or by "-" on standard input.
func readDocument(stdin io.Reader, text string) (json.RawMessage, error) {
	if !strings.HasPrefix(strings.TrimSpace(text), "{") && text != "-" && !strings.HasPrefix(text, "@") {
		text = "@" + text
	}
	f := settingsFlags{settings: text}
	return f.read(stdin)
}
