package overlayscript

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/left4me/left4me/plugins/overlay-script/internal/joblog"
	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
	"github.com/left4me/left4me/plugins/overlay-script/internal/script"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

const maxLine = 8 << 10 // bytes of a line that are kept

// sourceGone is the exit code by which a script says "not now": EX_TEMPFAIL of sysexits.h.
const sourceGone = 75

func (s *scripts) build(ctx context.Context, b *builder.Build[OverlaySettings]) error {
	settings, box, err := s.present()
	if err != nil {
		return err
	}
	spec, secrets, err := prepare(settings, b)
	if err != nil {
		return err
	}
	announce(box.Report(), spec, b)
	log := joblog.New(settings.LogKiB<<10, maxLine, secrets, func(stream string, data []byte) {
		b.Output(builder.Stream(stream), data)
	})
	outcome, err := box.Run(ctx, spec, sink{log, b})
	log.Close()
	if err != nil {
		return sdk.Wrap(err, sdk.CodeUnavailable, "The sandbox could not be set up: "+sentence(err.Error())).
			WithHint("Ask the operator to look at the health of the plugin overlay-script.")
	}
	b.Progress(builder.Progress{Phase: "script", Unit: builder.Steps, Done: 1, Total: 1, Message: fmt.Sprintf("took %s", outcome.Duration.Round(time.Millisecond))})
	if err := judge(ctx, outcome, spec.Limits); err != nil {
		return err
	}
	b.Annotate("script-sha256", fmt.Sprintf("%x", sha256.Sum256([]byte(b.Settings.Script))))
	return nil
}

// prepare turns settings into what the sandbox runs, and lists the values to keep out of the log.
func prepare(settings PluginSettings, b *builder.Build[OverlaySettings]) (sandbox.Spec, []string, error) {
	header, err := script.Parse(b.Settings.Script)
	if err != nil {
		return sandbox.Spec{}, nil, err
	}
	if err := script.CheckTools(append(header.Tools, b.Settings.Tools...), script.Path()); err != nil {
		return sandbox.Spec{}, nil, err
	}
	environment := map[string]string{}
	maps.Copy(environment, settings.Environment)
	maps.Copy(environment, b.Settings.Environment)
	var secrets []string
	for _, name := range b.Settings.Secrets {
		value, ok := b.Secrets[name]
		if !ok || strings.ContainsRune(value, 0) {
			return sandbox.Spec{}, nil, sdk.Errorf(sdk.CodePrecondition, "The script needs the secret %q, which is not set.", name).
				WithHint("Set the secret of the overlay, or take its name out of the settings.").WithField("/secrets")
		}
		environment[name] = value
		secrets = append(secrets, value)
	}
	if err := lend(b.Path, settings); err != nil {
		return sandbox.Spec{}, nil, err
	}
	return sandbox.Spec{
		ID: b.BuildID, Interpreter: header.Interpreter, Script: []byte(b.Settings.Script), Dir: b.Path,
		Environment: environment, Network: b.Settings.Network && !header.Offline,
		Limits: settings.limits(b.Settings.Limits, b.Limits.MaxBytes, b.Limits.MaxFiles, b.Limits.MaxTime),
	}, secrets, nil
}

// lend gives an empty tree that belongs to root to the script's user, when the plugin is root. What
// else is in a tree, and who owns it, is the mounter's matter.
func lend(path string, settings PluginSettings) error {
	if os.Geteuid() != 0 || settings.UserID == 0 {
		return nil
	}
	if err := os.Chown(path, settings.UserID, settings.GroupID); err != nil && !noSuchID(err) {
		return sdk.Wrap(err, sdk.CodeInternal, "The staging tree cannot be given to the script's user.")
	}
	return nil
}

// announce says in the job's log what this host does not give.
func announce(report sandbox.Report, spec sandbox.Spec, b *builder.Build[OverlaySettings]) {
	for _, warning := range report.Warnings {
		b.Log("warn", warning)
	}
	switch {
	case !spec.Network:
		b.Log("info", "The script runs without a network, as its settings say.")
	case report.Network == sandbox.NetworkNone:
		b.Log("warn", "The script runs without a network: the operator turned it off. Ask the operator to set egress to \"filtered\".")
	case report.Network == sandbox.NetworkOpen:
		b.Log("warn", "The script reaches everything that the host reaches, as the operator chose.")
	}
}

// sink passes on what a run reports.
type sink struct {
	log    *joblog.Log
	events builder.Events
}

// Output implements sandbox.Sink.
func (s sink) Output(stream sandbox.Stream, data []byte) { s.log.Write(string(stream), data) }

// Note implements sandbox.Sink.
func (s sink) Note(level, text string) { s.events.Log(level, text) }

// judge turns an outcome into the error a person reads, or nil.
func judge(ctx context.Context, outcome sandbox.Outcome, limits sandbox.Limits) error {
	lastLines := "The last lines of the log say more."
	switch outcome.Ending {
	case sandbox.Canceled:
		return sdk.Wrap(ctx.Err(), sdk.CodeCanceled, "The script was canceled.")
	case sandbox.OutOfMemory:
		return sdk.Errorf(sdk.CodePrecondition, "The script was killed because it used more than its %d MiB of memory.", limits.Memory>>20).
			WithHint("Let it do less at once, or ask the operator for a higher memory limit.")
	case sandbox.TimedOut:
		return sdk.Errorf(sdk.CodePrecondition, "The script was killed because it ran longer than %s.", limits.WallTime).
			WithHint("Find out what it waits for, or ask the operator for more time.")
	case sandbox.TreeFull:
		return sdk.Errorf(sdk.CodeInvalid, "The script was killed because it wrote too much. %s", outcome.Reason).
			WithHint("Make the overlay smaller, or ask the operator for more room.")
	case sandbox.Signaled:
		return sdk.Errorf(sdk.CodePrecondition, "The script was ended by signal %d (%s).", int(outcome.Signal), outcome.Signal).WithHint(lastLines)
	}
	switch {
	case outcome.ExitCode == sourceGone:
		return sdk.Errorf(sdk.CodeUnavailable, "The script says that its source is not available now (exit code %d).", sourceGone).
			WithHint("Try again later. " + lastLines)
	case outcome.ExitCode != 0:
		return sdk.Errorf(sdk.CodePrecondition, "The script ended with exit code %d.", outcome.ExitCode).WithHint(lastLines)
	}
	return nil
}
