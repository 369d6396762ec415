package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

// The demo on a real host: a game that costs nothing, where the configuration expects the real one.
const (
	demoProgram = "/usr/lib/left4me/demo-game"
	gameDir     = "/srv/left4me/game"
	demoName    = "demo"
)

// demoServer installs the simulated game, unless there is a game, and runs a server of it.
func (a *app) demoServer(ctx context.Context, agent *client.Client) (changed []string, err error) {
	if _, err := os.Stat(gameDir); errors.Is(err, os.ErrNotExist) {
		if out, err := exec.CommandContext(ctx, demoProgram, "install", gameDir).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("install the simulated game: %w: %s", err, out)
		}
		changed = append(changed, gameDir)
	}
	releases, err := agent.Releases(ctx)
	if err == nil && len(releases) == 0 {
		changed = append(changed, "release")
		err = settled(ctx, agent, func(ctx context.Context) (api.Job, error) { return agent.InstallRelease(ctx, api.ReleaseInstall{}) })
	}
	if err != nil {
		return changed, err
	}
	_, err = agent.CreateBlueprint(ctx, api.BlueprintCreate{Name: demoName,
		Settings: api.BlueprintSettings{Hostname: "left4me {server}", Map: "c1m1_hotel", Mode: "coop"}})
	if changed, err = made(changed, "blueprint demo", err); err != nil {
		return changed, err
	}
	server, err := agent.CreateServer(ctx, api.ServerCreate{Name: demoName, Blueprint: demoName})
	if changed, err = made(changed, "server demo", err); err != nil {
		return changed, err
	}
	if server, err = agent.Server(ctx, demoName); err != nil || server.State == "running" {
		return changed, err
	}
	changed = append(changed, "server demo (started)")
	return changed, settled(ctx, agent, func(ctx context.Context) (api.Job, error) { return agent.StartServer(ctx, demoName) })
}

// made adds what to changed unless it was there already.
func made(changed []string, what string, err error) ([]string, error) {
	if client.Is(err, client.CodeConflict) {
		return changed, nil
	}
	if err != nil {
		return changed, err
	}
	return append(changed, what), nil
}

// settled starts a job and waits for its end.
func settled(ctx context.Context, agent *client.Client, start func(context.Context) (api.Job, error)) error {
	job, err := start(ctx)
	if err == nil {
		job, err = agent.WaitJob(ctx, job.ID, nil)
	}
	if err == nil && job.Error != nil {
		err = client.FromAPI(*job.Error)
	}
	return err
}
