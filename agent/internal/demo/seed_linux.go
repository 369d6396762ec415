package demo

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

// Names of what the demo makes.
const (
	welcomeOverlay  = "welcome"
	workshopOverlay = "workshop-demo"
	demoBlueprint   = "demo"
	demoServer      = "demo"
)

// welcomeScript is a script overlay that needs no network.
const welcomeScript = `#!/bin/bash
# Writes a message of the day. Edit it in the panel and build again.
set -euo pipefail
mkdir -p left4dead2/cfg
printf 'Welcome to left4me.\nBuilt on %s.\n' "$(date -u +%F)" > left4dead2/motd.txt
echo "wrote left4dead2/motd.txt"
`

// seed makes what is absent: the game, example overlays, a blueprint and a server. What a person changed stays.
func (d *demo) seed(ctx context.Context, agent *client.Client) error {
	releases, err := agent.Releases(ctx)
	if err != nil {
		return err
	}
	if len(releases) == 0 {
		installing, err := agent.InstallRelease(ctx, api.ReleaseInstall{})
		if err == nil {
			installing, err = agent.WaitJob(ctx, installing.ID, nil)
		}
		if err != nil {
			return err
		}
		if installing.Error != nil {
			return client.FromAPI(*installing.Error)
		}
	}
	if err := d.seedOverlays(ctx, agent); err != nil {
		return err
	}
	_, err = agent.CreateBlueprint(ctx, api.BlueprintCreate{Name: demoBlueprint, Overlays: []string{welcomeOverlay, workshopOverlay},
		Config: []string{"// Lines of your own go here."}, Settings: api.BlueprintSettings{Hostname: "left4me {server}", Map: "c1m1_hotel", Mode: "coop"}})
	if err != nil && !client.Is(err, "conflict") {
		return err
	}
	_, err = agent.CreateServer(ctx, api.ServerCreate{Name: demoServer, Blueprint: demoBlueprint})
	if client.Is(err, "conflict") {
		return nil
	}
	return err
}

func (d *demo) seedOverlays(ctx context.Context, agent *client.Client) error {
	if d.Seed != "" {
		seeding, err := d.start("left4me", nil, "--socket", d.layout.socket(), "overlay", "seed", d.Seed)
		if err != nil {
			return err
		}
		if <-seeding.ended; seeding.err != nil {
			return fmt.Errorf("seed the example overlays: %w; see %s", seeding.err, seeding.log)
		}
	}
	overlays := []struct {
		name, kind string
		settings   any
	}{
		{welcomeOverlay, "overlay-script", map[string]any{"script": welcomeScript}},
		{workshopOverlay, "overlay-workshop", map[string]any{"items": []string{demoCollection}}},
	}
	for _, o := range overlays {
		settings, err := json.Marshal(o.settings)
		if err != nil {
			return err
		}
		_, err = agent.CreateOverlay(ctx, api.OverlayCreate{Name: o.name, Type: o.kind, Settings: settings, System: true, Build: true})
		if err != nil && !client.Is(err, "conflict") {
			return err
		}
	}
	return nil
}
