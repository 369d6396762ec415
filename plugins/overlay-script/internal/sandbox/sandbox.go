// Package sandbox says what a sandbox for scripts promises, whatever it is made with.
//
// A script sees the staging tree at /overlay, which it may change, a capped /tmp, and a read-only
// system. It runs in namespaces of its own, without capabilities, under limits, and reaches the
// public internet at most. When Run returns, none of its processes is left.
package sandbox

import (
	"context"
	"syscall"
	"time"
)

// Sandbox runs one script at a time per call. Implementations are safe for concurrent use.
type Sandbox interface {
	// Run runs the script and returns how it ended. The error is for a sandbox that could not be set
	// up; a script that fails is an Outcome. Canceling ctx kills every process of the script.
	Run(ctx context.Context, spec Spec, sink Sink) (Outcome, error)
	// Report says what the sandbox gives on this host, as far as it is known without running anything.
	Report() Report
}

// Report is what a sandbox gives on a host.
type Report struct {
	Kind     string            // "bubblewrap" or "systemd"
	Network  Network           // what a script gets that asks for the network
	Facts    map[string]string // for people who look for the cause of something
	Warnings []string          // promises that this host cannot keep fully, one sentence each
}

// Network says what a script can reach.
type Network string

// Networks, from nothing to everything the host reaches.
const (
	NetworkNone     Network = "none"
	NetworkFiltered Network = "filtered" // public addresses only, through the relay of package egress
	NetworkOpen     Network = "open"     // the host's own network: an operator's explicit choice
)

// Spec is one run.
type Spec struct {
	ID          string            // names the run on the host: letters, digits and "-"
	Interpreter []string          // program and its arguments, for example "/bin/bash", "-e"
	Script      []byte            // shown to the interpreter as a read-only file
	Dir         string            // the tree shown at /overlay, writable; "" is an empty one that is thrown away
	Environment map[string]string // added to the few variables every script has; may hold secrets
	Network     bool              // wants the network; what it gets is the operator's choice
	Limits      Limits
}

// Limits of one run. Zero means no limit.
type Limits struct {
	Memory    uint64 // bytes of all processes together, without swap
	Tasks     uint64 // processes and threads
	CPU       uint64 // percent of one core
	WallTime  time.Duration
	FileSize  uint64 // bytes of any one file
	TreeBytes uint64 // bytes below Dir
	TreeFiles uint64 // entries below Dir
	DiskFree  uint64 // bytes that stay free on the file system of Dir
	TmpSize   uint64 // bytes of /tmp, and of /dev/shm
}

// Ending tells how a run ended.
type Ending string

// Endings.
const (
	Exited      Ending = "exited"        // ExitCode is set
	Signaled    Ending = "signaled"      // Signal is set
	OutOfMemory Ending = "out-of-memory" // a process was killed for memory
	TimedOut    Ending = "timed-out"     // the wall time was used up
	Canceled    Ending = "canceled"      // the context ended
	TreeFull    Ending = "tree-full"     // a limit on the tree, or the host's free space, was reached
)

// Outcome is how a run ended and how long it took.
type Outcome struct {
	Ending   Ending
	ExitCode int
	Signal   syscall.Signal // bash reports a killed child as 128+n, and so does a run
	Reason   string         // more about TreeFull, one sentence
	Duration time.Duration
}

// Stream tells the two outputs of a script apart.
type Stream string

// Streams.
const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
)

// Sink receives what a run reports. Methods are called from several goroutines at once.
type Sink interface {
	Output(stream Stream, data []byte) // data is only valid during the call
	Note(level, text string)           // what the sandbox itself has to say; level is info or warn
}
