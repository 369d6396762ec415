package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// String returns "first-last".
func (p Ports) String() string { return fmt.Sprintf("%d-%d", p.First, p.Last) }

// Contains reports whether port is in the range.
func (p Ports) Contains(port int) bool { return port >= p.First && port <= p.Last }

var errPorts = errors.New("not a range of ports")

func parsePorts(text string) (Ports, error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	a, errA := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
	b, errB := strconv.ParseUint(strings.TrimSpace(last), 10, 16)
	if errA != nil || errB != nil {
		return Ports{}, errPorts
	}
	return Ports{First: int(a), Last: int(b)}, nil
}
