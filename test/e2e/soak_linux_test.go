package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/api"
)

const soakServers = 50

// BenchmarkFiftyServers starts fifty servers on one host and lets them run: how long until all answer, and what the
// agent takes while they do. LEFT4ME_SOAK_SECONDS makes it longer; make soak lets them run for half an hour. In all that
// time none may stop answering.
func BenchmarkFiftyServers(b *testing.B) {
	seconds := 20
	if n, err := strconv.Atoi(os.Getenv("LEFT4ME_SOAK_SECONDS")); err == nil {
		seconds = n
	}
	for range b.N {
		soak(b, seconds)
	}
}

func soak(b *testing.B, seconds int) {
	b.Helper()
	d := benchDemo(b)
	defer d.end(b)
	begin := time.Now()
	d.do(b, "server", "start", "demo", "--no-wait")
	for i := range soakServers - 1 {
		d.do(b, "server", "create", fmt.Sprintf("s%02d", i), "--blueprint", "demo", "--start", "--no-wait")
	}
	running := func() int {
		data, err := d.try("server", "list", "--format", "json")
		var servers []api.Server
		if err != nil || json.Unmarshal(data, &servers) != nil {
			return -1
		}
		n := 0
		for _, s := range servers {
			if s.State == "running" {
				n++
			}
		}
		return n
	}
	for running() != soakServers {
		if time.Since(begin) > 5*time.Minute {
			b.Fatalf("%d of %d servers run", running(), soakServers)
		}
		time.Sleep(200 * time.Millisecond)
	}
	b.ReportMetric(time.Since(begin).Seconds(), "s-until-all-play")
	watchSoak(b, seconds, running)
}

// watchSoak measures the agent while servers run.
func watchSoak(b *testing.B, seconds int, running func() int) {
	b.Helper()
	agent := agentOf(b)
	before, begin := processorTime(b, agent), time.Now()
	first, last := 0.0, 0.0
	for time.Since(begin) < time.Duration(seconds)*time.Second {
		time.Sleep(min(5*time.Second, time.Duration(seconds)*time.Second))
		if n := running(); n != soakServers {
			b.Errorf("after %v only %d of %d servers play", time.Since(begin).Round(time.Second), n, soakServers)
		}
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", agent))
		if last = mebibytes(string(status), "VmRSS"); first == 0 {
			first = last
		}
	}
	used := processorTime(b, agent) - before
	b.ReportMetric(used.Seconds()/time.Since(begin).Seconds()*100, "%-agent-cpu")
	b.ReportMetric(first, "MiB-agent-rss-first")
	b.ReportMetric(last, "MiB-agent-rss-last")
}
