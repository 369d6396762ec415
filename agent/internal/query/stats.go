package query

import (
	"errors"
	"strconv"
	"strings"
)

// ErrNotStats says that a text is no answer to `stats`.
var ErrNotStats = errors.New("not an answer to stats")

// Stats is the answer to the console command `stats`: what the engine says about itself.
type Stats struct {
	CPU     float64 // percent of one processor
	NetIn   float64 // bytes per second; -1 when the game does not say in which unit
	NetOut  float64 // bytes per second; -1 as above
	Tick    float64 // ticks per second that it manages
	Players int
}

// ParseStats reads the answer to `stats`: a line of column names, then one of numbers. The engine's branches differ in
// their columns, so the names decide: "CPU", "In_(KB/s)" and "Out_(KB/s)", "FPS", "Players". Branches whose names
// tell no unit for the network leave it unknown. It fails with ErrNotStats when there is no FPS.
func ParseStats(text string) (Stats, error) {
	var names []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) > 3 && strings.HasPrefix(fields[0], "CPU") {
			names = fields
			continue
		}
		if names == nil || len(fields) < 4 {
			continue
		}
		return readStats(names, fields)
	}
	return Stats{}, ErrNotStats
}

func readStats(names, values []string) (Stats, error) {
	s := Stats{NetIn: -1, NetOut: -1}
	seen := false
	for i, name := range names[:min(len(names), len(values))] {
		n, err := strconv.ParseFloat(values[i], 64)
		if err != nil || n < 0 || n > 1e12 {
			continue
		}
		switch name {
		case "CPU", "CPU(%)":
			s.CPU = n
		case "In_(KB/s)":
			s.NetIn = n * 1024
		case "Out_(KB/s)":
			s.NetOut = n * 1024
		case "FPS":
			s.Tick, seen = n, true
		case "Players":
			s.Players = int(n)
		}
	}
	if !seen {
		return Stats{}, ErrNotStats
	}
	return s, nil
}
