package provision

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
)

// Record is what earlier runs did, kept as JSON. Losing it costs nothing but that files count as edited which are
// not, and units are restarted once more.
type Record struct {
	// Files maps installed files to the SHA-256 of what was installed.
	Files map[string]string `json:"files"`
	// Defaults maps configuration files to the SHA-256 of the default that the operator saw last.
	Defaults map[string]string `json:"defaults"`
	// Units maps units to the SHA-256 of everything that a running one was started from.
	Units map[string]string `json:"units"`
}

func (h *host) readRecord() error {
	h.record = Record{Files: map[string]string{}, Defaults: map[string]string{}, Units: map[string]string{}}
	data, err := os.ReadFile(h.path(recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	h.recorded = data
	var found Record
	if json.Unmarshal(data, &found) != nil {
		return nil // half written by nobody but a broken disk; see Record
	}
	for _, m := range []struct{ to, from map[string]string }{
		{h.record.Files, found.Files}, {h.record.Defaults, found.Defaults}, {h.record.Units, found.Units},
	} {
		for key, value := range m.from {
			m.to[key] = value
		}
	}
	return nil
}

// writeRecord is not a change that a person cares about, so it is not reported.
func (h *host) writeRecord() error {
	data, err := json.MarshalIndent(h.record, "", "  ")
	if err != nil {
		return err
	}
	if data = append(data, '\n'); bytes.Equal(data, h.recorded) {
		return nil
	}
	h.recorded = data
	return writeFile(h.path(recordFile), data, 0o644)
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// digestFile returns "" for a file that is not there.
func digestFile(path string) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
