package bubblewrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/overlay-script/internal/cgroup"
	"github.com/left4me/left4me/plugins/overlay-script/internal/egress"
	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
	"github.com/left4me/left4me/plugins/overlay-script/internal/watch"
)

// Run implements sandbox.Sandbox.
func (s *Sandbox) Run(ctx context.Context, spec sandbox.Spec, sink sandbox.Sink) (sandbox.Outcome, error) {
	type result struct {
		outcome sandbox.Outcome
		err     error
	}
	done := make(chan result, 1)
	go func() {
		// The child is told to die with the thread that started it, so this thread lives as long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		started := time.Now()
		outcome, err := s.run(ctx, spec, sink)
		outcome.Duration = time.Since(started)
		done <- result{outcome, err}
	}()
	r := <-done
	return r.outcome, r.err
}

func (s *Sandbox) run(ctx context.Context, spec sandbox.Spec, sink sandbox.Sink) (sandbox.Outcome, error) {
	if ctx.Err() != nil {
		return sandbox.Outcome{Ending: sandbox.Canceled}, nil
	}
	order, err := s.request(spec)
	if err != nil {
		return sandbox.Outcome{}, err
	}
	group, err := s.newGroup(spec)
	if err != nil {
		return sandbox.Outcome{}, err
	}
	defer func() { _ = group.Close() }()
	r, err := s.start(s.network(spec) != sandbox.NetworkOpen)
	if err != nil {
		return sandbox.Outcome{}, err
	}
	defer r.closeFiles()
	if err := group.Add(r.command.Process.Pid); err != nil {
		r.stop()
		return sandbox.Outcome{}, err
	}
	unlessCanceled := context.AfterFunc(ctx, func() { _ = r.command.Process.Kill() })
	sockets, err := r.send(order)
	if err != nil {
		unlessCanceled()
		r.stop()
		if ctx.Err() != nil {
			return sandbox.Outcome{Ending: sandbox.Canceled}, nil
		}
		return sandbox.Outcome{}, err
	}
	relay := egress.NewRelay(sockets, s.config.Policy, func(text string) { sink.Note("warn", text) })
	defer relay.Close()
	output := readOutput(r, sink)
	setup := r.await()
	unlessCanceled()
	g := watch.New(r.kill)
	g.Time(ctx, spec.Limits.WallTime)
	g.Tree(spec.Dir, spec.Limits)
	s.watchMemory(g, spec, r, group)
	failure := r.command.Wait()
	ending, reason := g.Finish()
	if ending == "" && ctx.Err() != nil && killed(failure) {
		ending = sandbox.Canceled // before the guard stood
	}
	output.done.Wait()
	outcome := judge(failure, ending, group.OutOfMemory())
	outcome.Reason = reason
	if setup == nil && outcome.Ending == sandbox.Exited && outcome.ExitCode == 1 && strings.HasPrefix(output.head, "bwrap: ") {
		setup = errors.New(strings.TrimSpace(output.head))
	}
	if setup != nil && ending == "" {
		return sandbox.Outcome{}, setup
	}
	return outcome, nil
}

func (r *running) stop() {
	_ = r.command.Process.Kill()
	_ = r.command.Wait()
}

// network is what the script gets.
func (s *Sandbox) network(spec sandbox.Spec) sandbox.Network {
	if !spec.Network {
		return sandbox.NetworkNone
	}
	return s.config.Network
}

func (s *Sandbox) newGroup(spec sandbox.Spec) (*cgroup.Group, error) {
	if s.parent == nil {
		return &cgroup.Group{}, nil
	}
	return s.parent.New(spec.ID, cgroup.Limits{
		Memory: spec.Limits.Memory, Tasks: spec.Limits.Tasks, CPU: spec.Limits.CPU,
	})
}

func (s *Sandbox) request(spec sandbox.Spec) (request, error) {
	operations, err := s.operations(spec)
	if err != nil {
		return request{}, err
	}
	order := request{
		Bwrap: s.bwrap, Operations: operations, Limits: s.resourceLimits(spec.Limits),
		Interpreter: append(append([]string(nil), spec.Interpreter...), scriptPath),
	}
	if s.network(spec) == sandbox.NetworkFiltered {
		plan := egress.NewPlan(s.config.Policy, s.config.Ports, s.config.Resolvers)
		order.Egress = &plan
	}
	return order, nil
}

// leastFileSize is what bwrap needs itself to show the script and certificates as files, in bytes.
const leastFileSize = 4 << 20

// resourceLimits are per process or per user; they hold also where there is no cgroup.
func (s *Sandbox) resourceLimits(limits sandbox.Limits) []rlimit {
	out := []rlimit{
		{unix.RLIMIT_CORE, 0}, {unix.RLIMIT_NOFILE, 4096}, {unix.RLIMIT_MEMLOCK, 64 << 10},
		{unix.RLIMIT_MSGQUEUE, 0}, {unix.RLIMIT_RTPRIO, 0}, {unix.RLIMIT_NICE, 0}, {unix.RLIMIT_SIGPENDING, 1024},
	}
	if limits.FileSize > 0 {
		out = append(out, rlimit{unix.RLIMIT_FSIZE, max(limits.FileSize, leastFileSize)})
	}
	if limits.Tasks > 0 {
		out = append(out, rlimit{unix.RLIMIT_NPROC, limits.Tasks})
	}
	if limits.Memory > 0 && !s.parent.HasMemory() {
		out = append(out, rlimit{unix.RLIMIT_DATA, limits.Memory})
	}
	return out
}

// judge turns the end of bwrap into an outcome. Bwrap passes a signal on as 128+n, as bash does.
func judge(failure error, ending sandbox.Ending, outOfMemory bool) sandbox.Outcome {
	if ending != "" {
		return sandbox.Outcome{Ending: ending}
	}
	if outOfMemory {
		return sandbox.Outcome{Ending: sandbox.OutOfMemory}
	}
	if failure == nil {
		return sandbox.Outcome{Ending: sandbox.Exited}
	}
	exit, ok := errors.AsType[*exec.ExitError](failure)
	if !ok {
		return sandbox.Outcome{Ending: sandbox.Exited, ExitCode: 125, Reason: failure.Error()}
	}
	status := exit.Sys().(syscall.WaitStatus)
	code := status.ExitStatus()
	if status.Signaled() {
		return sandbox.Outcome{Ending: sandbox.Signaled, Signal: status.Signal()}
	}
	if code > 128 && code <= 128+64 {
		return sandbox.Outcome{Ending: sandbox.Signaled, Signal: syscall.Signal(code - 128), ExitCode: code}
	}
	return sandbox.Outcome{Ending: sandbox.Exited, ExitCode: code}
}

// killed says whether bwrap itself was killed, which is what a cancel does.
func killed(failure error) bool {
	exit, ok := errors.AsType[*exec.ExitError](failure)
	return ok && exit.Sys().(syscall.WaitStatus).Signaled()
}

// output reads both pipes of a script until their ends.
type output struct {
	done sync.WaitGroup
	head string // the beginning of standard error; valid after done
}

const chunk = 32 << 10

func readOutput(r *running, sink sandbox.Sink) *output {
	out := &output{}
	out.done.Go(func() { drain(r.stdout, func(data []byte) { sink.Output(sandbox.Stdout, data) }) })
	out.done.Go(func() {
		drain(r.stderr, func(data []byte) {
			if len(out.head) < 512 {
				out.head += string(data[:min(len(data), 512)])
			}
			sink.Output(sandbox.Stderr, data)
		})
	})
	return out
}

func drain(from *os.File, to func([]byte)) {
	buffer := make([]byte, chunk)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			to(buffer[:n])
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				to([]byte(fmt.Sprintf("\nThe output ends here: %v.\n", err)))
			}
			return
		}
	}
}
