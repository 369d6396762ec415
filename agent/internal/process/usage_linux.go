package process

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/server"
)

// clockTick is the unit of times in /proc/PID/stat: USER_HZ, which is 100 on every architecture Go runs on.
const clockTick = time.Second / 100

// Usage implements server.Meter. It adds up what the processes of the unit say of themselves: memory that they share
// counts once for each, and what ended processes took is missing unless their parent has waited for them.
func (s *Supervisor) Usage(_ context.Context, serverID string) (server.Usage, error) {
	if !validServer(serverID) {
		return server.Usage{}, unknownServer()
	}
	s.mu.Lock()
	game := 0
	if u := s.units[serverID]; u != nil {
		game = u.status.PID
	}
	s.mu.Unlock()
	stat, err := readStat(game)
	if game == 0 || err != nil {
		return server.Usage{}, fault.New(fault.NotFound, "The server does not run.").WithHint("Start it first.")
	}
	total := server.Usage{}
	// Below the shim: it inherits what the game leaves behind.
	for _, p := range descendants(stat.parent) {
		addProcess(&total, filepath.Join("/proc", strconv.Itoa(p.pid)))
	}
	return total, nil
}

// addProcess adds one process; one that ends meanwhile adds what could be read.
func addProcess(total *server.Usage, dir string) {
	if data, err := os.ReadFile(filepath.Join(dir, "stat")); err == nil {
		fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		if len(fields) > 21 { // from the state, field 3 of proc(5), on
			for _, i := range []int{11, 12, 13, 14} { // own and waited-for children's user and system time
				ticks, _ := strconv.ParseInt(fields[i], 10, 64)
				total.CPU += time.Duration(ticks) * clockTick
			}
			threads, _ := strconv.ParseInt(fields[17], 10, 64)
			pages, _ := strconv.ParseInt(fields[21], 10, 64)
			total.Tasks += threads
			total.Memory += pages * int64(os.Getpagesize())
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "io"))
	if err != nil { // of another user: the agent may not look
		total.ReadBytes, total.WriteBytes = -1, -1
		return
	}
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		bytes, _ := strconv.ParseInt(value, 10, 64)
		switch {
		case name == "read_bytes" && total.ReadBytes >= 0:
			total.ReadBytes += bytes
		case name == "write_bytes" && total.WriteBytes >= 0:
			total.WriteBytes += bytes
		}
	}
}
