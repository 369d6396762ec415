package sdktest

import (
	"errors"
	"io"

	"github.com/left4me/left4me/sdk"
	builderv1 "github.com/left4me/left4me/sdk/proto/left4me/builder/v1"
)

// stream runs one build without the sdk's client, which would stop at the first mistake, and returns all messages.
func stream(t T, r *builderRun) []*builderv1.BuildResponse {
	t.Helper()
	run, _ := r.ready(t)
	work := request(t, r.spec.Overlay)
	call, err := builderv1.NewBuilderServiceClient(run.conn).Build(patient(t), &builderv1.BuildRequest{
		BuildId: work.BuildID, OverlayId: work.OverlayID, SettingsJson: work.Settings, OutputDir: work.OutputDir,
	}, sdk.CallOptions()...)
	if err != nil {
		t.Fatalf("Build: %v", err)
	}
	var messages []*builderv1.BuildResponse
	for {
		message, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return messages
		}
		if err != nil {
			t.Fatalf("Build: %v", err)
		}
		messages = append(messages, message)
	}
}

func builderNumbers(t T, r *builderRun) {
	results := 0
	messages := stream(t, r)
	for i, message := range messages {
		if message.GetSequence() != uint64(i+1) {
			t.Errorf("event %d has the number %d", i+1, message.GetSequence())
		}
		if message.GetResult() != nil {
			results++
		}
		if output := message.GetOutput(); output != nil && len(output.GetData()) > 32<<10 {
			t.Errorf("event %d has %d bytes of output, at most 32768 are allowed", i+1, len(output.GetData()))
		}
	}
	if results != 1 || messages[len(messages)-1].GetResult() == nil {
		t.Errorf("the build sent %d results, want one, as the last event", results)
	}
}

func builderProgress(t T, r *builderRun) {
	phase, done, seen := "", uint64(0), false
	for i, message := range stream(t, r) {
		p := message.GetProgress()
		if p == nil {
			continue
		}
		seen = true
		if p.GetTotal() > 0 && p.GetDone() > p.GetTotal() {
			t.Errorf("event %d of phase %q is at %d of %d", i+1, p.GetPhase(), p.GetDone(), p.GetTotal())
		}
		if p.GetPhase() == phase && p.GetDone() < done {
			t.Errorf("event %d of phase %q goes back from %d to %d", i+1, phase, done, p.GetDone())
		}
		phase, done = p.GetPhase(), p.GetDone()
	}
	if !seen {
		t.Skipf("this build reports no progress")
	}
}
