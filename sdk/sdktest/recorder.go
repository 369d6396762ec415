package sdktest

import (
	"fmt"
	"strings"
	"sync"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
)

// Recorder is a builder.Events that keeps everything. The zero value is ready.
type Recorder struct {
	// OnEvent, if set before the build, is called after each event.
	OnEvent func()

	mu          sync.Mutex
	progress    []builder.Progress
	logs        []string
	output      map[builder.Stream]*strings.Builder
	diagnostics []sdk.Diagnostic
	order       []string
}

// Progress implements builder.Events.
func (r *Recorder) Progress(p builder.Progress) {
	r.add(fmt.Sprintf("progress %+v", p), func() { r.progress = append(r.progress, p) })
}

// Log implements builder.Events.
func (r *Recorder) Log(level, message string) {
	r.add("log "+level+" "+message, func() { r.logs = append(r.logs, level+": "+message) })
}

// Output implements builder.Events.
func (r *Recorder) Output(stream builder.Stream, data []byte) {
	r.add("output "+string(stream)+" "+string(data), func() {
		if r.output == nil {
			r.output = map[builder.Stream]*strings.Builder{}
		}
		if r.output[stream] == nil {
			r.output[stream] = &strings.Builder{}
		}
		r.output[stream].Write(data)
	})
}

// Diagnostic implements builder.Events.
func (r *Recorder) Diagnostic(d sdk.Diagnostic) {
	r.add(fmt.Sprintf("diagnostic %+v", d), func() { r.diagnostics = append(r.diagnostics, d) })
}

func (r *Recorder) add(line string, keep func()) {
	r.mu.Lock()
	keep()
	r.order = append(r.order, line)
	r.mu.Unlock()
	if r.OnEvent != nil {
		r.OnEvent()
	}
}

// AllProgress returns every progress so far.
func (r *Recorder) AllProgress() []builder.Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]builder.Progress(nil), r.progress...)
}

// Logs returns every log line so far, as "level: message".
func (r *Recorder) Logs() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.logs...)
}

// OutputOf returns all output of a stream so far.
func (r *Recorder) OutputOf(stream builder.Stream) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.output[stream] == nil {
		return ""
	}
	return r.output[stream].String()
}

// Diagnostics returns every diagnostic so far.
func (r *Recorder) Diagnostics() []sdk.Diagnostic {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]sdk.Diagnostic(nil), r.diagnostics...)
}

// Lines returns every event so far as text, in order.
func (r *Recorder) Lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.order...)
}
