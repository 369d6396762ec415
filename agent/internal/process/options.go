package process

import "log/slog"

// Options of a Supervisor.
type Options struct {
	Dir string // absolute; made if needed. One agent at a time uses it
	// Shim is the command that calls ShimMain; nil means this program with the argument ShimCommand. The
	// unit's directory is appended.
	Shim []string
	// UID and GID run the games when the agent is root. 0 keeps the agent's own.
	UID, GID int
	// Cgroup is a directory in a cgroup2 tree, delegated to the agent, that holds no processes; each unit
	// gets a group below it. "" does without.
	Cgroup  string
	Console ConsoleLimits
	Log     *slog.Logger // nil discards
}

// ConsoleLimits bound what one console costs. Zero values mean the defaults.
type ConsoleLimits struct {
	SegmentBytes   int64 `json:"segment_bytes"`    // one file; default 4 MiB
	Segments       int   `json:"segments"`         // files that are kept; default 4
	LinesPerSecond int   `json:"lines_per_second"` // sustained; default 2000
	BurstLines     int   `json:"burst_lines"`      // at once; default 10000
	BytesPerSecond int   `json:"bytes_per_second"` // sustained; default 1 MiB, at once four times as much
}

func (l ConsoleLimits) withDefaults() ConsoleLimits {
	setDefault(&l.SegmentBytes, 4<<20)
	setDefault(&l.Segments, 4)
	setDefault(&l.LinesPerSecond, 2000)
	setDefault(&l.BurstLines, 10000)
	setDefault(&l.BytesPerSecond, 1<<20)
	return l
}

func setDefault[T int | int64](v *T, otherwise T) {
	if *v <= 0 {
		*v = otherwise
	}
}
