package game

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/left4me/left4me/plugins/game-steamcmd/internal/steam"
	"github.com/left4me/left4me/plugins/game-steamcmd/internal/steamcmd"
	"github.com/left4me/left4me/sdk"
)

// attempt is how steamcmd is asked.
type attempt struct {
	both   bool // the files of Windows first, then those of Linux
	verify bool // have every file checked
	fresh  bool // have it ask for the app's configuration anew
}

func (a attempt) stages() int {
	if a.both {
		return 2
	}
	return 1
}

// arguments of steamcmd. The directory must come before the login.
func (a attempt) arguments(dir string, settings PluginSettings) []string {
	out := []string{"+force_install_dir", dir, "+login", "anonymous"}
	if a.fresh {
		out = append(out, "+app_info_update", "1")
	}
	update := func(platform string, verify bool) {
		out = append(out, "+@sSteamCmdForcePlatformType", platform, "+app_update", settings.App)
		if settings.Branch != "public" {
			out = append(out, "-beta", settings.Branch)
		}
		if verify {
			out = append(out, "validate")
		}
	}
	if a.both {
		update("windows", a.verify)
	}
	update("linux", a.both || a.verify)
	return append(out, "+quit")
}

// update runs steamcmd until it succeeds, as often as the settings allow.
func (r *run) update(ctx context.Context) error {
	ask := attempt{both: r.first, verify: r.Settings.Verify}
	wait := r.times.retryWait
	for n := 1; ; n++ {
		failure, err := r.try(ctx, ask)
		if err != nil || failure == nil {
			return err
		}
		next, again := improve(ask, *failure)
		if !again || n >= r.settings.Attempts {
			return explain(*failure, n)
		}
		r.Log("warn", fmt.Sprintf("Attempt %d of %d failed (%s). Trying again in %s.", n, r.settings.Attempts, failure.Reason, wait))
		if err := pause(ctx, wait); err != nil {
			return err
		}
		ask, wait = next, wait*2
	}
}

// improve says how to ask after a failure.
func improve(ask attempt, failure steam.Failure) (next attempt, again bool) {
	next = ask
	switch failure.Remedy() {
	case steam.Again:
		// Steam hands the configuration out late at times. When asking anew does not help an update, both may.
		next.both = ask.both || ask.fresh
		next.fresh = true
		return next, true
	case steam.Patience, steam.Nothing:
		return next, true
	case steam.Repair:
		next.verify = true
		return next, true
	case steam.Both:
		next.both = true
		return next, !ask.both
	}
	return next, false
}

// try runs steamcmd once.
func (r *run) try(ctx context.Context, ask attempt) (*steam.Failure, error) {
	verdict := steam.Verdict{App: r.settings.App}
	last := ""
	exit, err := r.steamcmd.Run(ctx, func(text string) {
		verdict.Read(text)
		last = text
		r.line(text)
	}, ask.arguments(r.Path, r.settings)...)
	switch {
	case errors.Is(err, steamcmd.ErrStalled):
		return &steam.Failure{Reason: "Timeout", Line: last}, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, sdk.Wrap(err, sdk.CodePrecondition, fmt.Sprintf("There is no steamcmd at %s.", r.settings.Steamcmd)).
			WithHint("Install it, or correct steamcmd in the settings of the plugin.")
	case err != nil:
		return nil, err
	}
	if !exit.Terminal {
		r.Log("debug", "There is no terminal here, so progress arrives late.")
	}
	if verdict.Failure != nil {
		return verdict.Failure, nil
	}
	if verdict.Succeeded >= ask.stages() {
		return nil, nil
	}
	return &steam.Failure{Reason: fmt.Sprintf("exit code %d without success", exit.Code), Line: last}, nil
}

// explain turns the last failure into words.
func explain(failure steam.Failure, attempts int) error {
	said := fmt.Sprintf(" (%s)", failure.Reason)
	switch failure.Remedy() {
	case steam.Space:
		return sdk.Errorf(sdk.CodePrecondition, "The disk is full%s.", said).
			WithHint("Remove releases that nobody uses with: left4me release remove. Then update again.")
	case steam.Disk:
		return sdk.Errorf(sdk.CodePrecondition, "steamcmd cannot write to the disk%s.", said).
			WithHint("Look for a full or broken disk, and at the owner of the staging tree; then update again.")
	case steam.Account:
		return sdk.Errorf(sdk.CodePrecondition, "Steam does not give the game to users without an account%s.", said).
			WithHint("This passes at times. Try again in an hour; the present release goes on working.")
	case steam.Both:
		return sdk.Errorf(sdk.CodeUnavailable, "Steam does not hand the game out for Linux%s.", said).
			WithHint("Try again later; the present release goes on working.")
	case steam.Patience, steam.Again:
		return sdk.Errorf(sdk.CodeUnavailable, "Steam did not hand the update out in %d attempts%s.", attempts, said).
			WithHint("Look whether this host reaches Steam, and try again later.")
	case steam.Repair:
		return sdk.Errorf(sdk.CodeUnavailable, "The downloaded files are damaged, also after %d attempts%s.", attempts, said).
			WithHint("Try again later; if it goes on, look for a broken disk.")
	}
	return sdk.Errorf(sdk.CodeUnavailable, "steamcmd failed %d times%s.", attempts, said).WithHint("Read the log of this job.")
}
