package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

const (
	steps        = 1000 // of a walk
	stepsToCrash = 36   // on average
)

// A thousand random steps of people, with the agent and its plugins killed in between: after every crash an
// independent checker reads the database, the content tree and the mount table, and they agree. LEFT4ME_SEED
// takes the same steps again.
func TestRandomStepsOfPeople(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount")
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("LEFT4ME_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("LEFT4ME_SEED=%d", seed)
	w := newWalk(t, seed)
	crashes := 0
	for w.step = 1; w.step <= steps; w.step++ {
		w.take()
		if w.rand.IntN(stepsToCrash) == 0 {
			crashes++
			w.crash()
			w.consistent()
		}
	}
	w.consistent()
	t.Logf("%d steps: %v; %d crashes: %v", steps, w.taken, crashes, w.killed)
}

// walk is a world whose people take random steps.
type walk struct {
	*world
	rand    *rand.Rand
	client  *client.Client
	step    int
	version int // of the newest script
	taken   map[string]int
	killed  map[string]int
	history history
}

var overlayNames = []string{"maps", "motd"}

func newWalk(t *testing.T, seed uint64) *walk {
	w := &walk{world: newWorld(t), rand: rand.New(rand.NewPCG(seed, 2)), taken: map[string]int{}, killed: map[string]int{}, history: newHistory()}
	var err error
	if w.client, err = client.New(client.Options{Socket: filepath.Join(w.state, "run", "agent.sock")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)
	ctx := t.Context()
	_, err = w.client.CreateOverlay(ctx, api.OverlayCreate{Name: "maps", Type: "overlay-script", Settings: w.newScript()})
	if err == nil {
		_, err = w.client.UpdateOverlay(ctx, "motd", api.OverlayUpdate{Settings: w.newScript()})
	}
	if err == nil {
		_, err = w.client.UpdateBlueprint(ctx, "coop", api.BlueprintUpdate{Overlays: &overlayNames})
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// newScript writes the same number into all its files, not at once, and adds it to a file that goes on from
// revision to revision.
func (w *walk) newScript() json.RawMessage {
	w.version++
	script := fmt.Sprintf(`#!/bin/bash
set -e
mkdir -p left4dead2/walk
for i in 1 2 3 4 5 6; do echo %[1]d > left4dead2/walk/file$i; done
rm -f left4dead2/walk/only-*
sleep 0.0%[2]d
echo %[1]d > left4dead2/walk/only-%[1]d
echo %[1]d >> left4dead2/walk/history
`, w.version, w.version%10)
	settings, err := json.Marshal(map[string]string{"script": script})
	if err != nil {
		w.t.Fatal(err)
	}
	return settings
}

// moves are what people do, with how often.
var moves = []struct {
	name  string
	often int
	take  func(*walk, context.Context) error
}{
	{"edit", 12, (*walk).edit},
	{"build", 20, func(w *walk, ctx context.Context) error { return w.build(ctx, false) }},
	{"wipe", 4, func(w *walk, ctx context.Context) error { return w.build(ctx, true) }},
	{"cancel", 12, (*walk).cancel},
	{"roll back", 10, (*walk).rollBack},
	{"pin", 6, (*walk).pin},
	{"start", 9, func(w *walk, ctx context.Context) error { return w.server(ctx, w.client.StartServer) }},
	{"stop", 6, func(w *walk, ctx context.Context) error { return w.server(ctx, w.client.StopServer) }},
	{"restart", 3, func(w *walk, ctx context.Context) error { return w.server(ctx, w.client.RestartServer) }},
	{"kill", 4, func(w *walk, ctx context.Context) error { return w.server(ctx, w.client.KillServer) }},
	{"sweep", 4, func(w *walk, ctx context.Context) error { _, err := w.client.SweepContent(ctx); return err }},
	{"wait", 10, (*walk).wait},
}

func (w *walk) take() {
	w.t.Helper()
	total := 0
	for _, move := range moves {
		total += move.often
	}
	at := w.rand.IntN(total)
	for _, move := range moves {
		if at -= move.often; at >= 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
		defer cancel()
		w.taken[move.name]++
		w.judge(move.name, move.take(w, ctx))
		return
	}
}

// judge fails the test for an answer that no person should get, whatever was killed.
func (w *walk) judge(name string, err error) {
	w.t.Helper()
	var failure *client.Error
	if err == nil {
		return
	}
	if !errors.As(err, &failure) || failure.Code == client.CodeInternal {
		w.t.Errorf("step %d, %s: %v", w.step, name, err)
	}
}

func (w *walk) overlayName() string { return overlayNames[w.rand.IntN(len(overlayNames))] }

func (w *walk) edit(ctx context.Context) error {
	_, err := w.client.UpdateOverlay(ctx, w.overlayName(), api.OverlayUpdate{Settings: w.newScript()})
	return err
}

func (w *walk) build(ctx context.Context, wipe bool) error {
	_, err := w.client.BuildOverlay(ctx, w.overlayName(), api.OverlayBuild{Wipe: wipe})
	return err
}

// cancel ends the newest job that is not over.
func (w *walk) cancel(ctx context.Context) error {
	jobs, err := w.client.Jobs(ctx, client.JobFilter{Limit: 10})
	for _, job := range jobs {
		if job.Status == "running" || job.Status == "queued" {
			_, err = w.client.CancelJob(ctx, job.ID)
			return err
		}
	}
	return err
}

func (w *walk) revision(ctx context.Context) (overlay string, chosen api.Revision, err error) {
	overlay = w.overlayName()
	revisions, err := w.client.Revisions(ctx, overlay)
	at := w.rand.IntN(1000)
	if len(revisions) > 0 {
		chosen = revisions[at%len(revisions)]
	}
	return overlay, chosen, err
}

func (w *walk) rollBack(ctx context.Context) error {
	overlay, chosen, err := w.revision(ctx)
	if err == nil && chosen.ID != "" {
		_, err = w.client.RollbackOverlay(ctx, overlay, chosen.ID)
	}
	return err
}

// pin pins a revision, or unpins one that is pinned already.
func (w *walk) pin(ctx context.Context) error {
	overlay, chosen, err := w.revision(ctx)
	if err == nil && chosen.ID != "" {
		_, err = w.client.PinRevision(ctx, overlay, api.OverlayPin{Revision: chosen.ID, Pinned: !chosen.Pinned})
	}
	return err
}

func (w *walk) server(ctx context.Context, act func(context.Context, string) (api.Job, error)) error {
	_, err := act(ctx, []string{"a", "b"}[w.rand.IntN(2)])
	return err
}

// wait lets the newest job come to its end, so that not everything happens at once.
func (w *walk) wait(ctx context.Context) error {
	jobs, err := w.client.Jobs(ctx, client.JobFilter{Limit: 1})
	if err != nil || len(jobs) == 0 {
		return err
	}
	_, err = w.client.WaitJob(ctx, jobs[0].ID, nil)
	return err
}

// crash kills agent or plugin, or one right after the other, a moment after the last step.
func (w *walk) crash() {
	w.t.Helper()
	time.Sleep(time.Duration(w.rand.IntN(250)) * time.Millisecond) // the random moment
	for _, victim := range [][]string{{agentKind}, {agentKind}, {"mounter-kernel"}, {"overlay-script"}, {"mounter-kernel", agentKind}}[w.rand.IntN(5)] {
		if victim == agentKind {
			w.killAgent()
			w.killed[victim]++
			continue
		}
		for pid, line := range w.processes() {
			if strings.HasPrefix(line, filepath.Join(bin, victim)) {
				w.killed[victim]++
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
	w.restart()
}
