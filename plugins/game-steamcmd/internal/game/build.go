package game

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"time"

	"github.com/left4me/left4me/plugins/game-steamcmd/internal/steam"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// Annotations of a release.
const (
	annotationBuild   = "steam.build"  // of the app
	annotationVersion = "game.version" // as the game says it
)

// run is one build.
type run struct {
	*engine
	*builder.Build[Settings]
	info  steam.AppInfo // zero when Steam did not say
	first bool          // nothing is installed in the tree
}

func (p *plugin) build(ctx context.Context, b *builder.Build[Settings]) error {
	engine, err := p.present()
	if err != nil {
		return err
	}
	r := &run{engine: engine, Build: b}
	installed, err := r.manifest()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.first = true
	case err != nil:
		b.Log("warn", "The app manifest of the present release cannot be read; every file is checked.")
		b.Settings.Verify = true
	}
	if r.info, err = r.appInfo(ctx, r.line); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		b.Log("warn", "Steam does not say which build is present: "+err.Error())
	}
	if r.unchanged(installed) {
		b.Logf("Build %s is installed already.", installed.Build)
		b.Unchanged()
		r.describe(installed)
		return nil
	}
	if err := r.room(); err != nil {
		return err
	}
	if err := r.update(ctx); err != nil {
		return err
	}
	return r.finish()
}

// unchanged reports whether the tree holds the build that Steam has, and nobody asked for more.
func (r *run) unchanged(installed steam.Manifest) bool {
	return !r.first && !r.Settings.Verify && r.info.Build != "" && installed.Build == r.info.Build && installed.Flags == steam.Installed
}

func (r *run) manifestPath() string { return "steamapps/appmanifest_" + r.settings.App + ".acf" }

func (r *run) manifest() (steam.Manifest, error) {
	data, err := r.Dir.ReadFile(r.manifestPath())
	if err != nil {
		return steam.Manifest{}, err
	}
	return steam.ReadManifest(data)
}

// line passes one line of steamcmd on: progress as progress, all else into the job's log.
func (r *run) line(text string) {
	if p, ok := steam.ReadProgress(text); ok {
		r.Progress(builder.Progress{Phase: p.Phase, Unit: builder.Bytes, Done: p.Done, Total: p.Total})
		return
	}
	r.Output(builder.Stdout, []byte(text+"\n"))
}

// finish looks whether the game is whole, and takes away what steamcmd needs no more.
func (r *run) finish() error {
	installed, err := r.manifest()
	if err != nil {
		return incomplete("its app manifest cannot be read", err)
	}
	if installed.App != r.settings.App || installed.Flags != steam.Installed {
		return incomplete(fmt.Sprintf("Steam's state of it is %d instead of %d", installed.Flags, steam.Installed), nil)
	}
	has := map[string]bool{}
	for _, depot := range installed.Depots {
		has[depot] = true
	}
	for _, depot := range r.settings.Depots {
		if !has[depot] {
			return incomplete("depot "+depot+" is missing", nil)
		}
	}
	for _, name := range r.settings.Files {
		if info, err := r.Dir.Stat(name); err != nil || !info.Mode().IsRegular() {
			return incomplete(name+" is missing", err)
		}
	}
	for _, name := range []string{"steamapps/downloading", "steamapps/temp"} {
		if err := r.Dir.RemoveAll(name); err != nil {
			return err
		}
	}
	r.describe(installed)
	return nil
}

// describe says what the tree holds.
func (r *run) describe(installed steam.Manifest) {
	r.Result.CacheKey = installed.Build
	r.Annotate(annotationBuild, installed.Build)
	inf, err := r.Dir.ReadFile("left4dead2/steam.inf")
	if version := steam.PatchVersion(inf); err == nil && version != "" {
		r.Annotate(annotationVersion, version)
	}
}

func incomplete(why string, cause error) error {
	return sdk.Wrap(cause, sdk.CodeUnavailable, "steamcmd reported success, but the game is not whole: "+why+".").
		WithHint("Update again with --verify. If that does not help, look at the log of this job.")
}

// room holds the free space against what steamcmd will write, before it does.
func (r *run) room() error {
	needs := uint64(r.settings.UpdateBytes)
	if r.first {
		// steamcmd unpacks beside what it downloads, and the files of Windows come first.
		if needs = uint64(r.settings.FirstBytes); r.info.Bytes > 0 {
			needs = r.info.Bytes + r.info.Bytes/3
		}
	}
	free, err := freeBytes(r.Path)
	if err != nil {
		r.Log("warn", "The free space cannot be read: "+err.Error())
		return nil
	}
	if free >= needs+uint64(r.settings.ReserveBytes) {
		return nil
	}
	return sdk.Errorf(sdk.CodePrecondition, "The game needs %s of free space, and %s must stay free, but there is %s.",
		size(needs), size(uint64(r.settings.ReserveBytes)), size(free)).
		WithHint("Remove releases that nobody uses with: left4me release remove. Or free space in another way.")
}

func size(bytes uint64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}

// pause waits before another try.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
