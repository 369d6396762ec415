package game

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/left4me/left4me/plugins/game-steamcmd/internal/steam"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// maxOutput bounds what app_info_print may say, in bytes. The real answer has about 20 KiB.
const maxOutput = 4 << 20

// plan asks Steam what is present, by build and by the game's own version.
func (p *plugin) plan(ctx context.Context, input builder.PlanInput[Settings]) (builder.Plan, error) {
	engine, err := p.present()
	if err != nil {
		return builder.Plan{}, err
	}
	info, infoErr := engine.appInfo(ctx, func(string) {})
	state, stateErr := engine.upToDate(ctx, input.PreviousAnnotations[annotationVersion])
	if err := ctx.Err(); err != nil {
		return builder.Plan{}, err
	}
	if infoErr != nil && (stateErr != nil || state.Current) {
		return builder.Plan{}, sdk.Wrap(infoErr, sdk.CodeUnavailable, "Steam does not say which build is present: "+infoErr.Error()+".").
			WithHint("Look whether this host reaches Steam, and try again later.")
	}
	out := builder.Plan{CacheKey: info.Build, EstimatedBytes: info.Bytes}
	if info.Build != "" {
		out.Summary = append(out.Summary, "Steam has build "+info.Build+".")
	}
	// The version moves seldom, so a current one proves nothing; an old one does.
	if known := input.PreviousAnnotations[annotationBuild]; stateErr == nil && !state.Current && (info.Build == "" || info.Build == known) {
		out.CacheKey = strings.Trim(info.Build+"+"+state.Required, "+")
	}
	if stateErr == nil && !state.Current {
		out.Summary = append(out.Summary, "UpToDateCheck calls the version too old; it wants "+state.Required+".")
	}
	return out, nil
}

// appInfo asks which build the branch is at. What steamcmd remembers of that is dropped first, or it would answer
// with it.
func (e *engine) appInfo(ctx context.Context, line func(string)) (steam.AppInfo, error) {
	if err := removeStale(filepath.Join(e.steamcmd.Home, "Steam", "appcache", "appinfo.vdf")); err != nil {
		return steam.AppInfo{}, err
	}
	var output strings.Builder
	inside := false
	exit, err := e.steamcmd.Run(ctx, func(text string) {
		if output.Len() < maxOutput {
			output.WriteString(text + "\n")
		}
		inside = inside || strings.HasPrefix(text, "AppID :")
		if !inside { // the answer itself is of no use to a reader
			line(text)
		}
	}, "+login", "anonymous", "+app_info_update", "1", "+app_info_print", e.settings.App, "+quit")
	if err != nil {
		return steam.AppInfo{}, err
	}
	info, err := steam.ReadAppInfo([]byte(output.String()), e.settings.App, e.settings.Branch)
	if err != nil && exit.Code != 0 {
		return steam.AppInfo{}, fmt.Errorf("steamcmd ended with exit code %d", exit.Code)
	}
	return info, err
}

var errNotAsked = errors.New("not asked")

// upToDate asks whether Steam still accepts a version such as "2.2.4.3".
func (e *engine) upToDate(ctx context.Context, version string) (steam.UpToDate, error) {
	digits := strings.ReplaceAll(version, ".", "")
	if e.settings.CheckURL == noCheck || !steam.Digits(digits) {
		return steam.UpToDate{}, errNotAsked
	}
	address := e.settings.CheckURL + "?" + url.Values{"appid": {e.settings.Game}, "version": {digits}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return steam.UpToDate{}, err
	}
	answer, err := e.web.Do(request)
	if err != nil {
		return steam.UpToDate{}, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return steam.UpToDate{}, errors.New("UpToDateCheck answered " + answer.Status)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil {
		return steam.UpToDate{}, err
	}
	return steam.ReadUpToDate(body)
}

func removeStale(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
