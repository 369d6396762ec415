package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The flood that viewers look at. LEFT4ME_FLOOD_SECONDS makes it longer.
const (
	floodRate  = 2000
	floodUsers = 1000
)

// BenchmarkConsoleViewers lets 1,000 people look at one console that prints 2,000 lines a second, through the real
// agent. Every line must arrive or be told as lost; the agent's memory and processor time are reported. Then as many ask
// a server as the predecessor had it, with 32 threads, for the same console and the same flood: the ratio of those who
// got lines is reported.
func BenchmarkConsoleViewers(b *testing.B) {
	seconds := 20
	if n, err := strconv.Atoi(os.Getenv("LEFT4ME_FLOOD_SECONDS")); err == nil {
		seconds = n
	}
	for range b.N {
		watchFlood(b, seconds)
	}
}

func watchFlood(b *testing.B, seconds int) {
	b.Helper()
	d := benchDemo(b)
	defer d.end(b)
	d.do(b, "server", "start", "demo")
	crowd := newCrowd(d.socket)
	crowd.enter(b, floodUsers)
	agent := agentOf(b)
	before := processorTime(b, agent)
	begin := time.Now()
	peak := d.flood(b, agent, seconds)
	crowd.settle()
	took := time.Since(begin).Seconds()
	used := processorTime(b, agent) - before
	crowd.leave()
	if n := crowd.unmarked.Load(); n > 0 {
		b.Errorf("%d lines were lost without a mark", n)
	}
	b.ReportMetric(float64(crowd.seen.Load())/took, "lines/s-delivered")
	b.ReportMetric(float64(crowd.lost.Load())/float64(max(crowd.seen.Load()+crowd.lost.Load(), 1))*100, "%-told-as-lost")
	b.ReportMetric(peak, "MiB-agent-rss")
	b.ReportMetric(used.Seconds()/took*100, "%-agent-cpu")
	b.ReportMetric(float64(crowd.served.Load()), "viewers")
	if theirs := watchByThreads(b, d, agent, seconds); theirs > 0 {
		b.ReportMetric(float64(theirs), "viewers-of-32-threads")
		b.ReportMetric(float64(crowd.served.Load())/float64(theirs), "x-viewers-of-32-threads")
	}
}

// flood lets the game print for a while and returns the most memory that the agent took meanwhile, in MiB.
func (d *benchedDemo) flood(b *testing.B, agent, seconds int) (peak float64) {
	b.Helper()
	begin := time.Now()
	d.do(b, "server", "command", "demo", fmt.Sprintf("demo_flood %d %d", floodRate, seconds))
	for time.Since(begin) < time.Duration(seconds)*time.Second {
		time.Sleep(500 * time.Millisecond)
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", agent))
		peak = max(peak, mebibytes(string(status), "VmRSS"))
	}
	return peak
}

// crowd is many readers of one console.
type crowd struct {
	client   *http.Client
	cancel   context.CancelFunc
	ctx      context.Context
	readers  sync.WaitGroup
	answered chan struct{} // one for each viewer who was answered
	served   atomic.Int64  // viewers who got a line
	seen     atomic.Int64
	lost     atomic.Int64 // told
	unmarked atomic.Int64 // not told
}

func newCrowd(socket string) *crowd {
	c := &crowd{answered: make(chan struct{}, floodUsers), client: &http.Client{Transport: &http.Transport{MaxConnsPerHost: 0,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}}}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// enter opens n streams and returns when each has been answered.
func (c *crowd) enter(b *testing.B, n int) {
	b.Helper()
	for range n {
		c.knock(b)
		<-c.answered
	}
}

// knock asks for one stream and does not wait.
func (c *crowd) knock(b *testing.B) {
	b.Helper()
	request, err := http.NewRequestWithContext(c.ctx, http.MethodGet, "http://agent/v1/servers/demo/console?tail=0", nil)
	if err != nil {
		b.Fatal(err)
	}
	c.readers.Go(func() {
		response, err := c.client.Do(request)
		if err != nil {
			if c.ctx.Err() == nil {
				b.Error(err)
				c.answered <- struct{}{}
			}
			return
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			b.Error(response.Status)
		}
		c.answered <- struct{}{}
		c.read(bufio.NewReaderSize(response.Body, 16<<10))
	})
}

// read counts flood lines, and looks whether what is missing between two of them was told.
func (c *crowd) read(r *bufio.Reader) {
	last, told := 0, 0
	dropping := false
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		switch {
		case bytes.HasPrefix(line, []byte("event: dropped")):
			dropping = true
		case dropping && bytes.HasPrefix(line, []byte("data:")):
			n := digits(line)
			told, dropping = told+n, false
			c.lost.Add(int64(n))
		case bytes.HasPrefix(line, []byte("data:")):
			at := bytes.Index(line, []byte("flood line "))
			if at < 0 {
				continue
			}
			n := digits(line[at:])
			if missing := n - last - 1; last > 0 && missing > told {
				c.unmarked.Add(int64(missing - told))
			}
			if last == 0 {
				c.served.Add(1)
			}
			last, told = n, 0
			c.seen.Add(1)
		}
	}
}

// digits reads the first number in text.
func digits(text []byte) int {
	n, begun := 0, false
	for _, char := range text {
		if char >= '0' && char <= '9' {
			n, begun = n*10+int(char-'0'), true
		} else if begun {
			break
		}
	}
	return n
}

// settle returns when nothing new has arrived for a while.
func (c *crowd) settle() {
	for before := int64(-1); before != c.seen.Load()+c.lost.Load(); time.Sleep(2 * time.Second) {
		before = c.seen.Load() + c.lost.Load()
	}
}

func (c *crowd) leave() {
	c.cancel()
	c.readers.Wait()
}

func agentOf(b *testing.B) int {
	b.Helper()
	entries, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, entry := range entries {
		data, _ := os.ReadFile(entry)
		if strings.HasPrefix(strings.ReplaceAll(string(data), "\x00", " "), bin+"/left4me agent") {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(entry)))
			return pid
		}
	}
	b.Fatal("the agent's process was not found")
	return 0
}

// processorTime is what a process has used, from /proc/PID/stat (proc(5), fields 14 and 15, in ticks of 10 ms).
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
