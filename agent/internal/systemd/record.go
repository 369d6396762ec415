package systemd

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/agent/internal/supervise"
)

const (
	recordFile = "record.json"
	planFile   = "plan.json"
)

// record is what outlives a unit, and the agent.
type record struct {
	Boot      string      `json:"boot"`    // boot id
	Started   uint64      `json:"started"` // µs since boot when the game's process was made: names the run within a boot
	StartedAt time.Time   `json:"started_at"`
	Asked     bool        `json:"asked"` // its end is asked for
	Ended     bool        `json:"ended"`
	EndedAt   time.Time   `json:"ended_at,omitzero"`
	Exit      server.Exit `json:"exit"` // valid once Ended
}

// status is what the rest of the agent sees of a run that is over.
func (r record) status(serverID, boot string) server.UnitStatus {
	st := server.UnitStatus{Server: serverID, State: server.UnitExited, StartedAt: r.StartedAt, EndedAt: r.EndedAt, Exit: r.Exit}
	switch {
	case !r.Ended && r.Boot != boot:
		st.State, st.Rebooted, st.Exit = server.UnitAbsent, !r.Asked, server.Exit{}
	case r.Exit.Asked:
		st.State = server.UnitAbsent
	}
	return st
}

func bootID() (string, error) {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(data)), err
}

// readRecords returns what earlier agents knew. A damaged record is passed to damaged and left out.
func readRecords(dir string, damaged func(serverID string, err error)) (map[string]record, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	out := map[string]record{}
	for _, entry := range entries {
		if !entry.IsDir() || !validServer(entry.Name()) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, entry.Name(), recordFile))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var r record
		if err == nil {
			err = json.Unmarshal(data, &r)
		}
		if err != nil {
			damaged(entry.Name(), err)
			continue
		}
		out[entry.Name()] = r
	}
	return out, nil
}

func writeRecord(dir, serverID string, r record) error {
	dir = filepath.Join(dir, serverID)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	return supervise.WriteJSON(dir, recordFile, r)
}

func unusable(err error, dir string) error {
	return fault.Wrap(err, fault.Unavailable, "The directory %s for running servers cannot be used.", dir).
		WithHint("Check its owner and the space on its disk.")
}
