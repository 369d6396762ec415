package disk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/sdk/mounter"
)

// maxRecord bounds the files this package reads back: 500 layers are about 75 KiB.
const maxRecord = 1 << 20

// Names beside content.
const (
	recordPrefix = ".rev-"
	recordSuffix = ".json"
	newPrefix    = ".new-"
	gonePrefix   = ".gone-"
	tempPrefix   = ".tmp-"
	stateName    = "state.json"
	stageName    = "stage.json"
)

// Record tells where a revision or release came from. It is written before the content gets its name.
type Record struct {
	Build  string
	Dirs   uint64
	Weight uint64 // of all files, see tree.Totals
	Commit mounter.Commit
}

// State is what the mounter remembers of a server. The kernel decides what is mounted; the state only
// says what the layers behind a fingerprint are, which the kernel does not show.
type State struct {
	Fingerprint string
	Lowers      []mounter.Layer
	// OwnUpper: the upper was made here, or was searched through once.
	OwnUpper bool
	// Detached is the device of a mount that was ended by force and may live on unseen, or "".
	Detached string
}

// Equal reports whether two states say the same.
func (s State) Equal(other State) bool {
	return s.Fingerprint == other.Fingerprint && s.OwnUpper == other.OwnUpper && s.Detached == other.Detached &&
		slices.Equal(s.Lowers, other.Lowers)
}

// Stage is what the mounter remembers of a build.
type Stage struct {
	Base mounter.Layer
	// Target is what a commit has begun to make. From then on, files of the upper may belong to the
	// game and, if the commit came to its end, are part of the target.
	Target mounter.Layer
}

// NewName is where the content of a build grows before it gets its name.
func NewName(build string) string { return newPrefix + build }

// ReadRecord reads the record of name in parent; found is false when there is none.
func ReadRecord(parent *beneath.Dir, name string) (out Record, found bool, err error) {
	found, err = readJSON(parent, recordPrefix+name+recordSuffix, &out)
	return out, found, err
}

// WriteRecord writes the record of name in parent.
func WriteRecord(parent *beneath.Dir, name string, record Record) error {
	return writeJSON(parent, recordPrefix+name+recordSuffix, record)
}

// RemoveRecord removes the record of name in parent. Absent is fine.
func RemoveRecord(parent *beneath.Dir, name string) error {
	return parent.Unlink(recordPrefix + name + recordSuffix)
}

// ReadState reads the state of an open server directory.
func ReadState(server *beneath.Dir) (State, error) {
	var out State
	_, err := readJSON(server, stateName, &out)
	return out, err
}

// WriteState replaces the state of an open server directory.
func WriteState(server *beneath.Dir, state State) error { return writeJSON(server, stateName, state) }

// ReadStage reads what is known of an open build directory.
func ReadStage(build *beneath.Dir) (out Stage, found bool, err error) {
	found, err = readJSON(build, stageName, &out)
	return out, found, err
}

// WriteStage replaces what is known of an open build directory.
func WriteStage(build *beneath.Dir, stage Stage) error { return writeJSON(build, stageName, stage) }

func readJSON(dir *beneath.Dir, name string, into any) (found bool, err error) {
	data, err := dir.ReadFile(name, maxRecord)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return false, fmt.Errorf("read %s/%s: %w", dir.Name(), name, err)
	}
	return true, nil
}

func writeJSON(dir *beneath.Dir, name string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return dir.WriteFile(name, data, 0o600)
}
