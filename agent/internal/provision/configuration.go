package provision

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// A setting is one file of the configuration directory.
type setting struct {
	name    string
	mode    fs.FileMode
	group   string
	content func(h *host) ([]byte, error)
}

func settings() []setting {
	return []setting{
		// Only the agent reads where secrets are; root writes.
		{"agent.hcl", 0o640, "left4me", shipped("agent.hcl")},
		{"web.env", 0o640, "left4me-web", shipped("web.env")},
		{"mounter-kernel.json", 0o644, "root", mounterConfig},
	}
}

func shipped(name string) func(*host) ([]byte, error) {
	return func(h *host) ([]byte, error) { return os.ReadFile(h.path(filepath.Join(defaultDir, name))) }
}

// configure brings defaults to the configuration directory as dpkg does with its configuration files: what the
// operator never edited follows the default, what was edited stays, and a default that is new lies beside it as
// NAME.new (S16).
func (h *host) configure() error {
	if err := h.directory(configDir, 0o755); err != nil {
		return err
	}
	for _, s := range settings() {
		content, err := s.content(h)
		if err != nil {
			return err
		}
		gid, err := h.gid(s.group)
		if err != nil {
			return err
		}
		if err := h.configureFile(s, content, gid); err != nil {
			return err
		}
	}
	return nil
}

func (h *host) configureFile(s setting, content []byte, gid int) error {
	path := filepath.Join(configDir, s.name)
	found, err := digestFile(h.path(path))
	if err != nil {
		return err
	}
	before, now := h.record.Defaults[s.name], digest(content)
	h.record.Defaults[s.name] = now
	if found == "" || found == before || found == now {
		if err := h.drop(path + ".new"); err != nil {
			return err
		}
		return h.put(path, content, s.mode, gid)
	}
	if before != now {
		h.note("You edited %s, so it stays as it is. The new default is %s.new: take over what you want and remove it.", path, path)
		if err := h.put(path+".new", content, s.mode, gid); err != nil {
			return err
		}
	}
	edited, err := os.ReadFile(h.path(path))
	if err != nil {
		return err
	}
	return h.put(path, edited, s.mode, gid) // for mode and group
}

func (h *host) drop(path string) error {
	err := os.Remove(h.path(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	h.changed(path + " (removed)")
	return err
}

func (h *host) directory(path string, mode fs.FileMode) error {
	info, err := os.Lstat(h.path(path))
	if err == nil && info.IsDir() && info.Mode().Perm() == mode {
		return nil
	}
	h.changed(path)
	return errors.Join(os.MkdirAll(h.path(path), mode), os.Chmod(h.path(path), mode))
}

// mounterConfig pins what the agent could otherwise ask of the mounter: where content is and whose it is.
func mounterConfig(h *host) ([]byte, error) {
	var owners struct {
		StagingUID int `json:"staging_uid"`
		StagingGID int `json:"staging_gid"`
		GameUID    int `json:"game_uid"`
		GameGID    int `json:"game_gid"`
	}
	var errs [4]error
	owners.StagingUID, errs[0] = h.uid("left4me-script")
	owners.StagingGID, errs[1] = h.gid("left4me-build")
	owners.GameUID, errs[2] = h.uid("left4me-game")
	owners.GameGID, errs[3] = h.gid("left4me-game")
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(map[string]any{"root": "/var/lib/left4me/content", "owners": owners})
	return out.Bytes(), err
}
