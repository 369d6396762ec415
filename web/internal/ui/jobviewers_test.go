package ui_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
)

// However many people watch a build, the panel reads its log once, and everybody is told every line once, in order,
// from where they left off. Shows S14.
func TestViewersOfAJobShareOneUpstream(t *testing.T) {
	const viewers, lines = 200, 50
	p := signedIn(t)
	more, done := make(chan struct{}), make(chan struct{})
	p.agent.Script("overlay.build", func(ctx context.Context, run *agenttest.Run) error {
		for n := range lines {
			if n == lines/2 {
				select {
				case <-more:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			run.Log("info", fmt.Sprintf("line-%d-", n+1))
		}
		select {
		case <-done:
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	made, err := p.agent.Client.CreateOverlay(t.Context(), api.OverlayCreate{Name: "maps", Type: "overlay-script", Build: true,
		Settings: []byte(`{"script":"#!/bin/sh\n"}`)})
	if err != nil {
		t.Fatal(err)
	}
	path := "/hosts/local/jobs/" + made.LastJob + "/stream"
	p.stream(path, "").until("line", fmt.Sprintf("line-%d-", lines/2)) // now they are all there to come back to
	var begun, reading sync.WaitGroup
	begun.Add(viewers)
	for i := range viewers {
		last := (i % 5) * 5 // some come back
		s := p.stream(path, map[bool]string{true: strconv.Itoa(last)}[last > 0])
		reading.Go(func() {
			next := last + 1
			for next <= lines {
				e, ok := s.next()
				if !ok {
					t.Errorf("viewer %d: the stream ended before line %d", i, next)
					break
				}
				if e.name != "line" {
					continue
				}
				if e.id != strconv.Itoa(next) || !strings.Contains(e.data, fmt.Sprintf("line-%d-", next)) {
					t.Errorf("viewer %d: %+v instead of line %d", i, e, next)
					break
				}
				if next++; next == lines/2+1 {
					begun.Done()
				}
			}
			if next <= lines/2 {
				begun.Done()
			}
			if next > lines {
				for e, ok := s.next(); ok && !(e.name == "job" && strings.Contains(e.data, `"succeeded"`)); e, ok = s.next() {
					if e.name == "line" {
						t.Errorf("viewer %d: told twice: %+v", i, e)
					}
				}
			}
		})
	}
	begun.Wait()
	close(more)
	close(done)
	reading.Wait()
	asked := 0
	for _, request := range p.agent.Requests() {
		if strings.Contains(request, "/jobs/"+made.LastJob+"/log") {
			asked++
		}
	}
	if asked > 2 { // what was before, and then what comes
		t.Errorf("the agent was asked %d times for the log", asked)
	}
}

// A page ends its stream when it is told that the job ended, so that comes after the last line, also to whom comes late.
func TestStreamOfAJobThatEndedTellsItsLogFirst(t *testing.T) {
	p := signedIn(t)
	p.agent.Script("overlay.build", func(_ context.Context, run *agenttest.Run) error {
		run.Log("info", "the last line")
		return nil
	})
	made, err := p.agent.Client.CreateOverlay(t.Context(), api.OverlayCreate{Name: "maps", Type: "overlay-script", Build: true,
		Settings: []byte(`{"script":"#!/bin/sh\n"}`)})
	if err != nil {
		t.Fatal(err)
	}
	p.finished(made.LastJob)
	s := p.stream("/hosts/local/jobs/"+made.LastJob+"/stream", "")
	var told []string
	for e, ok := s.next(); ok; e, ok = s.next() {
		told = append(told, e.name)
	}
	if want := []string{"line", "job", "end"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}
