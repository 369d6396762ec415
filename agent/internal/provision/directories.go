package provision

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const tmpfilesGlob = "/usr/lib/tmpfiles.d/left4me*.conf"

// tmpfiles makes the directories and reports which changed. systemd-tmpfiles itself does not say.
func (h *host) tmpfiles() error {
	configs, err := filepath.Glob(h.path(tmpfilesGlob))
	if err != nil {
		return err
	}
	var paths []string
	for _, config := range configs {
		data, err := os.ReadFile(config)
		if err != nil {
			return err
		}
		paths = append(paths, tmpfilesPaths(data)...)
	}
	before := make([]string, len(paths))
	for i, path := range paths {
		before[i] = h.look(path)
	}
	if err := h.run("systemd-tmpfiles", append([]string{"--create"}, configs...)...); err != nil {
		return err
	}
	for i, path := range paths {
		if h.look(path) != before[i] && !slices.Contains(h.report.Changed, path) {
			h.changed(path)
		}
	}
	return nil
}

// tmpfilesPaths returns the directories, files and links that a tmpfiles.d(5) file makes.
func tmpfilesPaths(data []byte) []string {
	var out []string
	for line := range bytes.Lines(data) {
		if fields := strings.Fields(string(line)); len(fields) > 1 && strings.ContainsAny(fields[0][:1], "dfL") {
			out = append(out, fields[1])
		}
	}
	return out
}

// look describes mode and owners of a path.
func (h *host) look(path string) string {
	info, err := os.Lstat(h.path(path))
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.Mode(), owner(info), group(info))
}
