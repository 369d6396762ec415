package daemon

import (
	"context"
	"time"

	"github.com/left4me/left4me/agent/internal/config"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/installation"
	"github.com/left4me/left4me/agent/internal/pluginport"
	"github.com/left4me/left4me/agent/internal/rollout"
	"github.com/left4me/left4me/sdk/builder"
)

// wireInstallation makes what looks after the game and takes it to the servers.
func (a *Agent) wireInstallation() {
	cfg := a.config.Installation
	a.rollouts = rollout.New(rollout.Options{Servers: a.servers, Jobs: a.runner, Deadline: cfg.Deadline, Log: a.log})
	a.installations = installation.New(installation.Options{Store: a.db.ReleaseStore(), Jobs: a.runner, Disk: a.disk, Source: a.source(),
		Rollout: a.rollouts.Spec, Automatic: cfg.Update == config.UpdateAutomatic, CheckEvery: checkEvery(cfg), Keep: cfg.Keep, Log: a.log})
}

// checkEvery is how often the source is asked; there is nothing to ask where there is none.
func checkEvery(cfg config.Installation) (every time.Duration) {
	if cfg.Source == "" {
		return 0
	}
	return cfg.Check
}

func (a *Agent) source() installation.Source {
	switch cfg := a.config.Installation; cfg.Source {
	case config.SourceDirectory:
		return installation.Directory{Path: cfg.Path}
	case config.SourcePlugin:
		return pluginport.Source{Builder: func() (builder.Builder, error) { return a.plugins.Builder(cfg.Plugin) }}
	}
	return noSource{}
}

// noSource stands where no source of the game is configured.
type noSource struct{}

func (noSource) Fresh() bool { return true }

func (noSource) Fetch(context.Context, installation.Request, installation.Report) (installation.Fetched, error) {
	return installation.Fetched{}, errNoSource()
}

func (noSource) Newest(context.Context, installation.Release) (installation.Newest, error) {
	return installation.Newest{}, errNoSource()
}

func errNoSource() error {
	return fault.New(fault.Precondition, "No source of the game is configured.").
		WithHint(`Add to the config: installation { source = "plugin"  plugin = "game-steamcmd" }`)
}
