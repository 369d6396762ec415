package builder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/left4me/left4me/sdk"
)

// errTime is the cause of a build's context when the time limit ended it.
var errTime = errors.New("time limit")

// Build implements Builder: it opens the staging tree, runs the function and looks at what it left.
func (t *typed[S]) Build(ctx context.Context, request Request, events Events) (Result, error) {
	if ctx.Err() != nil { // canceled on the way: the host may have thrown the tree away
		return Result{}, ctx.Err()
	}
	settings, found := t.decode(ctx, request.Settings)
	for _, d := range found {
		events.Diagnostic(d)
	}
	if err := asError(found); err != nil {
		return Result{}, err
	}
	dir, err := os.OpenRoot(request.OutputDir)
	if err != nil {
		return Result{}, sdk.Wrap(err, sdk.CodeInvalid, "The builder cannot open the staging tree.").
			WithHint("Check that the plugin's user may enter and write the tree.")
	}
	defer dir.Close()
	b := &Build[S]{
		BuildID:             request.BuildID,
		OverlayID:           request.OverlayID,
		Settings:            settings,
		Dir:                 dir,
		Path:                request.OutputDir,
		Secrets:             request.Secrets,
		Limits:              request.Limits,
		PreviousAnnotations: request.PreviousAnnotations,
		Plugin:              t.settings(),
		Events:              events,
	}
	if err := run(ctx, t.build, b); err != nil {
		return Result{}, err
	}
	return finish(b)
}

// run calls the function with the time limit and explains how its context ended it.
func run[S any](ctx context.Context, build buildFunc[S], b *Build[S]) error {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if b.Limits.MaxTime > 0 {
		limited, cancel = context.WithTimeoutCause(ctx, b.Limits.MaxTime, errTime)
	}
	defer cancel()
	err := build(limited, b)
	switch {
	case ctx.Err() != nil:
		return sdk.Wrap(ctx.Err(), sdk.CodeCanceled, "The build was canceled.")
	case err != nil && errors.Is(context.Cause(limited), errTime):
		return sdk.Wrap(err, sdk.CodeUnavailable,
			fmt.Sprintf("The build took longer than its limit of %s.", b.Limits.MaxTime)).
			WithHint("Raise the time limit, or split the overlay.")
	}
	return err
}

// finish counts what the build left and holds it against the limits.
func finish[S any](b *Build[S]) (Result, error) {
	bytes, files, err := measure(b.Dir)
	if err != nil {
		return Result{}, sdk.Wrap(err, sdk.CodeInternal, "The builder cannot read the staging tree.")
	}
	limits := b.Limits
	switch {
	case b.Result.Unchanged:
	case limits.MaxBytes > 0 && bytes > limits.MaxBytes:
		return Result{}, tooLarge("%d bytes, more than its limit of %d", bytes, limits.MaxBytes)
	case limits.MaxFiles > 0 && files > limits.MaxFiles:
		return Result{}, tooLarge("%d files, more than its limit of %d", files, limits.MaxFiles)
	}
	if b.Result.Bytes == 0 && b.Result.Files == 0 {
		b.Result.Bytes, b.Result.Files = bytes, files
	}
	return b.Result, nil
}

func tooLarge(format string, args ...any) error {
	return sdk.Errorf(sdk.CodeInvalid, "The build made "+format+".", args...).
		WithHint("Build less, or raise the overlay's limit.")
}

// measure counts the regular files of a tree and their bytes.
func measure(dir *os.Root) (bytes, files uint64, err error) {
	err = fs.WalkDir(dir.FS(), ".", func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		files++
		bytes += uint64(info.Size())
		return nil
	})
	return bytes, files, err
}
