package builder

import (
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/internal/wire"
	builderv1 "github.com/left4me/left4me/sdk/proto/left4me/builder/v1"
)

// sender is the Events of a build whose host is at the other end of a stream. It numbers the events,
// cuts what is too large, and keeps progress from going back. When the host is gone it drops events:
// the build's context is canceled then.
type sender struct {
	mu       sync.Mutex
	stream   grpc.ServerStreamingServer[builderv1.BuildResponse]
	sequence uint64
	progress monotonic
	closed   bool
}

// Progress implements Events.
func (s *sender) Progress(progress Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	progress = s.progress.mend(progress)
	_ = s.send(&builderv1.BuildResponse{Event: &builderv1.BuildResponse_Progress{Progress: progressToProto(progress)}})
}

// Log implements Events.
func (s *sender) Log(levelName, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.send(&builderv1.BuildResponse{Event: &builderv1.BuildResponse_Log{Log: &builderv1.Log{
		Time:    timestamppb.Now(),
		Level:   level(levelName),
		Message: wire.Text(message, wire.LongText),
	}}})
}

// Output implements Events.
func (s *sender) Output(stream Stream, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(data) > 0 {
		chunk := data[:min(len(data), MaxOutput)]
		data = data[len(chunk):]
		_ = s.send(&builderv1.BuildResponse{Event: &builderv1.BuildResponse_Output{Output: &builderv1.Output{
			Stream: streamToProto(stream), Data: chunk,
		}}})
	}
}

// Diagnostic implements Events.
func (s *sender) Diagnostic(diagnostic sdk.Diagnostic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.send(&builderv1.BuildResponse{
		Event: &builderv1.BuildResponse_Diagnostic{Diagnostic: diagnostic.ToProto()},
	})
}

// result sends the last event.
func (s *sender) result(result Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.send(&builderv1.BuildResponse{Event: &builderv1.BuildResponse_Result{Result: resultToProto(result)}})
	s.closed = true
	return err
}

// close makes later events of stray goroutines harmless: a stream must not be used after its call.
func (s *sender) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

func (s *sender) send(event *builderv1.BuildResponse) error {
	if s.closed {
		return nil
	}
	s.sequence++
	event.Sequence = s.sequence
	err := s.stream.Send(event)
	if err != nil {
		s.closed = true
	}
	return err
}

// monotonic knows how far a phase of a build has come.
type monotonic struct {
	phase string
	done  uint64
}

// mend returns progress with Done kept from going back within the phase and from passing Total.
func (m *monotonic) mend(progress Progress) Progress {
	if progress.Total > 0 {
		progress.Done = min(progress.Done, progress.Total)
	}
	if progress.Phase == m.phase && progress.Done < m.done {
		progress.Done = m.done
		if progress.Total > 0 {
			progress.Total = max(progress.Total, m.done)
		}
	}
	m.phase, m.done = progress.Phase, progress.Done
	return progress
}

// check reports how progress breaks the rules, or nil.
func (m *monotonic) check(progress Progress) error {
	if progress.Total > 0 && progress.Done > progress.Total {
		return sdk.Broken("progress of %d is more than its total of %d", progress.Done, progress.Total)
	}
	if progress.Phase == m.phase && progress.Done < m.done {
		return sdk.Broken("progress went back from %d to %d", m.done, progress.Done)
	}
	m.phase, m.done = progress.Phase, progress.Done
	return nil
}
