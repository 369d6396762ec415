package job_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/left4me/left4me/agent/internal/job"
	"github.com/left4me/left4me/agent/internal/sqlite"
)

// crashEnv names the database for the process that is going to be killed.
const crashEnv = "LEFT4ME_TEST_CRASH"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		fmt.Fprintln(os.Stderr, crashing(path))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// crashHandlers are those of both processes. A "build" is repeated by itself, a "start" is not.
func crashHandlers() []job.Handler {
	work := func(ctx context.Context, run *job.Run) error {
		step := func(context.Context) error {
			for i := range rand.IntN(400) {
				run.Logf("stdout", "line %d", i+1)
			}
			return nil
		}
		return errors.Join(run.Step(ctx, "one", step, nil), run.Step(ctx, "two", step, nil))
	}
	return []job.Handler{
		{Kind: "build", Steps: []string{"one", "two", "three"}, Retry: true, Run: work},
		{Kind: "start", Steps: []string{"one", "two", "three"}, Run: work},
	}
}

// crashing queues and runs jobs until it is killed, and prints the id of each job whose queuing was confirmed.
func crashing(path string) error {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	r := job.New(job.Options{Store: db})
	if err := errors.Join(r.Register(crashHandlers()...), r.Start(ctx)); err != nil {
		return err
	}
	for i := 0; ; i++ {
		j, _, err := r.Submit(ctx, job.Spec{Kind: []string{"build", "start"}[i%2], Subject: fmt.Sprint("s/", i%7)})
		if err != nil {
			return err
		}
		fmt.Println(j.ID)
	}
}

// crash runs crashing in a process of its own, kills it at a random moment and returns what was confirmed.
func crash(t *testing.T, path string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashEnv+"="+path)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ids []string
	limit := 1 + rand.IntN(60) // a number of jobs, not a time: whatever the machine's speed, something is on the way
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		ids = append(ids, lines.Text())
		if len(ids) == limit {
			time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond) // anywhere within a transaction
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Wait() // it was killed
	if len(ids) < limit {
		t.Fatalf("the process ended by itself: %s", stderr.String())
	}
	return ids
}

func TestKillAtAnyMoment(t *testing.T) {
	path := t.TempDir() + "/agent.db"
	var confirmed []string
	for range 8 {
		confirmed = append(confirmed, crash(t, path)...)
	}
	h := openHost(t, path, job.Options{}, crashHandlers()...)
	seen := map[job.Status]int{}
	for _, id := range confirmed {
		j := h.wait(id)
		seen[j.Status]++
		checkAfterCrash(t, h, j)
	}
	t.Logf("of %d jobs: %v", len(confirmed), seen)
	if seen[job.Interrupted] == 0 || seen[job.Succeeded] == 0 {
		t.Error("no job was interrupted, or none went on; the test did not hit what it is for")
	}
	if left, err := h.List(h.ctx, job.Filter{Status: job.Running}); err != nil || len(left) > 4 {
		t.Errorf("%d jobs run, %v", len(left), err)
	}
	h.end()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity: %s, %v", verdict, err)
	}
}

// checkAfterCrash looks at what must hold for every job, however its agent ended.
func checkAfterCrash(t *testing.T, h *host, j job.Job) {
	t.Helper()
	if j.Status != job.Succeeded && j.Status != job.Interrupted {
		t.Errorf("job %s is %s: %v", j.ID, j.Status, j.Error)
	}
	for _, s := range j.Steps {
		if s.Status == job.StepRunning || s.Status == job.StepPending {
			t.Errorf("job %s is %s, its step %s %s", j.ID, j.Status, s.Name, s.Status)
		}
	}
	next := int64(1)
	err := h.Replay(h.ctx, j.ID, 0, func(l job.Line) error {
		if l.Seq != next {
			return fmt.Errorf("line %d follows %d", l.Seq, next-1)
		}
		next++
		return nil
	})
	if err != nil {
		t.Errorf("log of job %s: %v", j.ID, err)
	}
	if j.Status == job.Interrupted && (j.Error == nil || j.Error.Hint == "" || j.FinishedAt.IsZero()) {
		t.Errorf("job %s says too little: %+v", j.ID, j)
	}
}

// leaveRunning makes a database in which an agent died while jobs ran and waited.
func leaveRunning(t *testing.T, path string, specs ...job.Spec) []job.Job {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var jobs []job.Job
	for i, s := range specs {
		j, _, err := db.Queue(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			j.Status, j.StartedAt = job.Running, time.Now()
			j.Steps = []job.Step{{Name: "one", Status: job.StepRunning, StartedAt: time.Now()}, {Name: "two", Status: job.StepPending}}
			if err := db.SaveJob(t.Context(), j); err != nil {
				t.Fatal(err)
			}
		}
		jobs = append(jobs, j)
	}
	return jobs
}

func TestInterruptedWorkTakesItsOldPlaceInTheQueue(t *testing.T) {
	path := t.TempDir() + "/agent.db"
	left := leaveRunning(t, path, spec("build", "a"), spec("after", "a"))
	var order []string
	note := func(_ context.Context, run *job.Run) error { order = append(order, run.Job().Kind); return nil }
	h := openHost(t, path, job.Options{}, job.Handler{Kind: "build", Retry: true, Run: note}, do("after", note))
	h.wait(left[1].ID)
	if diff := cmp.Diff([]string{"build", "after"}, order); diff != "" {
		t.Error(diff)
	}
	old, err := h.Get(h.ctx, left[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if old.Status != job.Interrupted || !strings.Contains(old.Error.Hint, "queued again") {
		t.Errorf("%s %+v", old.Status, old.Error)
	}
	if diff := cmp.Diff([]string{"one failed", "two skipped"}, stepsOf(old)); diff != "" {
		t.Error(diff)
	}
	jobs, err := h.List(h.ctx, job.Filter{Kind: "build"})
	if err != nil || len(jobs) != 2 || jobs[0].RetryOf != old.ID || jobs[0].Attempt != 1 || jobs[0].Actor != "ada" {
		t.Errorf("%v %+v", err, jobs)
	}
}

func TestWorkThatIsNotIdempotentIsNotRepeated(t *testing.T) {
	path := t.TempDir() + "/agent.db"
	left := leaveRunning(t, path, spec("start", "a"))
	h := openHost(t, path, job.Options{}, do("start", func(context.Context, *job.Run) error { t.Error("it ran again"); return nil }))
	if got := h.wait(left[0].ID); got.Status != job.Interrupted || got.Error.Hint != "Start it again." {
		t.Errorf("%s %+v", got.Status, got.Error)
	}
	if jobs, err := h.List(h.ctx, job.Filter{}); err != nil || len(jobs) != 1 {
		t.Errorf("%d jobs, %v", len(jobs), err)
	}
}

func TestRepeatedInterruptionsEnd(t *testing.T) {
	path := t.TempDir() + "/agent.db"
	started := make(chan string, 1)
	build := obedient("build", started)
	build.Retry = true
	h := openHost(t, path, job.Options{}, build)
	h.submit(spec("build", "a"))
	for range 4 { // the first run and three more
		<-started
		h.end()
		h = openHost(t, path, job.Options{}, build)
	}
	jobs, err := h.List(h.ctx, job.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, j := range jobs {
		got = append(got, fmt.Sprint(j.Status, j.Attempt))
	}
	if diff := cmp.Diff([]string{"interrupted3", "interrupted2", "interrupted1", "interrupted0"}, got); diff != "" {
		t.Error(diff)
	}
}
