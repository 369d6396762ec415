package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/agenttest"
	"github.com/left4me/left4me/agent/api"
)

// BenchmarkRequest is one request over the socket, client included.
func BenchmarkRequest(b *testing.B) {
	agent := agenttest.New(b)
	for i := range 100 {
		if _, err := agent.Client.CreateBlueprint(b.Context(), api.BlueprintCreate{Name: fmt.Sprintf("b%d", i), Arguments: []string{"+map", "c1m1_hotel"}}); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			if _, err := agent.Client.Blueprint(b.Context(), "b7"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("list-100", func(b *testing.B) {
		for b.Loop() {
			if _, err := agent.Client.Blueprints(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("refused", func(b *testing.B) {
		for b.Loop() {
			if _, err := agent.Client.CreateBlueprint(b.Context(), api.BlueprintCreate{Name: "../x"}); err == nil {
				b.Fatal("not refused")
			}
		}
	})
}

// BenchmarkStreamLines is the way of one console line from the service to a reader.
func BenchmarkStreamLines(b *testing.B) {
	agent := seedServer(b)
	arrived := make(chan struct{})
	lines := openAt(b, agent, "/v1/servers/alpha/console?tail=0")
	until(b, lines, "retry:")
	go func() {
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "id:") {
				arrived <- struct{}{}
			}
		}
	}()
	for b.Loop() {
		agent.Print("alpha", "L 11/24/2026 - 20:00:00: \"player<2><STEAM_1:0:1><>\" entered the game")
		<-arrived
	}
}

// BenchmarkIdleStreams measures what 10,000 readers of silent streams cost the agent. The readers are a
// process of their own, so that only the agent's side is counted.
func BenchmarkIdleStreams(b *testing.B) {
	const readers = 10_000
	agent := seedServer(b)
	for b.Loop() {
		var base, now runtime.MemStats
		before, goroutines := resident(b), runtime.NumGoroutine()
		runtime.ReadMemStats(&base)
		stop := startReaders(b, agent.Socket, readers)
		for range 3 { // a collection halves a stack that is mostly unused; an idle agent has one every two minutes
			debug.FreeOSMemory()
		}
		runtime.ReadMemStats(&now)
		b.ReportMetric(float64(resident(b)-before)/readers/1024, "KiB/stream")
		b.ReportMetric(float64(resident(b)-before)/(1<<20), "MiB-10k-streams")
		b.ReportMetric(float64(now.StackInuse-base.StackInuse)/readers/1024, "KiB-stack/stream")
		b.ReportMetric(float64(now.HeapAlloc-base.HeapAlloc)/readers/1024, "KiB-heap/stream")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/readers, "goroutines/stream")
		stop()
	}
}

// readersVariable makes the test binary a process that holds streams open: "N SOCKET".
const readersVariable = "LEFT4ME_TEST_READERS"

// startReaders returns when n streams are open in another process.
func startReaders(b *testing.B, socket string, n int) (stop func()) {
	b.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s", readersVariable, n, socket))
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := child.Start(); err != nil {
		b.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		stdin.Close()
		b.Fatalf("the readers: %q %v %v", line, err, child.Wait())
	}
	return func() {
		stdin.Close()
		if err := child.Wait(); err != nil {
			b.Error(err)
		}
	}
}

// holdReaders is the other process. It ends with its standard input.
func holdReaders(spec string) error {
	var n int
	var socket string
	if _, err := fmt.Sscan(spec, &n, &socket); err != nil {
		return err
	}
	for range n {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			return err
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET /v1/servers/alpha/console?tail=0 HTTP/1.1\r\nHost: x\r\n\r\n")
		if line, err := bufio.NewReaderSize(conn, 64).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
			return fmt.Errorf("%q: %w", line, err)
		}
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// resident returns the memory of this process in bytes.
func resident(b *testing.B) int64 {
	b.Helper()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(data))[1], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
