package server_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/installation"
	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/rig"
	"github.com/left4me/left4me/agent/internal/server"
)

// A game whose process could not be made was shown as starting for ever.
func TestAProcessThatCannotBeMadeIsNotStarting(t *testing.T) {
	r := rig.New(t)
	ctx := context.Background()
	r.Succeed(r.Installations.Install(ctx, "ann", installation.Order{}))
	if _, err := r.Blueprints.Create(ctx, "ann", blueprint.Draft{Name: "coop"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Servers.Create(ctx, "ann", server.Draft{Name: "alpha", Blueprint: "coop"}); err != nil {
		t.Fatal(err)
	}
	binaries, err := filepath.Glob(filepath.Join(r.Root, "content", "installations", "*", blueprint.Binary))
	if err != nil || len(binaries) != 1 {
		t.Fatal(binaries, err)
	}
	if err := os.Remove(binaries[0]); err != nil {
		t.Fatal(err)
	}
	if done := r.Done(r.Servers.Start(ctx, "ann", "alpha")); done.Status != job.Failed {
		t.Fatalf("the start is %s", done.Status)
	}
	if view, err := r.Servers.View(ctx, "alpha"); err != nil || view.State != server.Crashed || view.Reason == "" {
		t.Errorf("server is %s (%s), %v; want it crashed with a reason", view.State, view.Reason, err)
	}
}
