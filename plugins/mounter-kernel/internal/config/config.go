package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Defaults of [Limits].
const (
	DefaultMaxBytes   = 64 << 30
	DefaultMaxFiles   = 200_000
	DefaultMaxDepth   = 32
	DefaultMaxPath    = 1024
	DefaultWarnLayers = 32
	DefaultMaxLayers  = 128
	KernelLayers      = 500
)

// Settings is the whole configuration.
type Settings struct {
	Root   string `json:"root"` // absolute path of the content tree
	Owners Owners `json:"owners"`
	Limits Limits `json:"limits"`
}

// Owners are numeric users and groups. Unset ones are the mounter's own user and group.
type Owners struct {
	StagingUID *int `json:"staging_uid,omitempty"` // writes staging trees
	StagingGID *int `json:"staging_gid,omitempty"` // whose members write staging trees too; group of content
	GameUID    *int `json:"game_uid,omitempty"`    // owns content and uppers
	GameGID    *int `json:"game_gid,omitempty"`
	ReaderGID  *int `json:"reader_gid,omitempty"` // may read revisions and releases; unset: nobody else
}

// Limits bound what is admitted and mounted. Zero means the default.
type Limits struct {
	MaxBytes   uint64 `json:"max_bytes,omitempty"`   // of one revision or release
	MaxFiles   uint64 `json:"max_files,omitempty"`   // entries of any kind in one revision or release
	MaxDepth   int    `json:"max_depth,omitempty"`   // directories in one path
	MaxPath    int    `json:"max_path,omitempty"`    // bytes of one path below the tree
	WarnLayers int    `json:"warn_layers,omitempty"` // a log line says so above this
	MaxLayers  int    `json:"max_layers,omitempty"`  // of one server
}

// maxFile bounds the configuration file.
const maxFile = 64 << 10

// Parse reads settings strictly: an unknown key is an error.
func Parse(data []byte) (Settings, error) {
	var out Settings
	if len(bytes.TrimSpace(data)) == 0 {
		return out, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&out); err != nil {
		return Settings{}, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Settings{}, errors.New("there is something after the settings")
	}
	return out, nil
}

// ReadFile reads the administrator's file. Nobody but root, or the user that runs the mounter, may be
// able to write it.
func ReadFile(path string) (Settings, error) {
	f, err := os.Open(path)
	if err != nil {
		return Settings{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Settings{}, err
	}
	if err := checkFile(path, info); err != nil {
		return Settings{}, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Settings{}, err
	}
	if len(data) > maxFile {
		return Settings{}, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	out, err := Parse(data)
	if err != nil {
		return Settings{}, fmt.Errorf("%s: %w", path, err)
	}
	return out, nil
}

func checkFile(path string, info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s may be written by others than its owner: chmod go-w it", path)
	}
	if uid, known := ownerOf(info); known && uid != 0 && uid != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d, it must be root's", path, uid)
	}
	return nil
}

// Filled returns s with defaults in place of what is unset.
func (s Settings) Filled(uid, gid int) Settings {
	fill(&s.Owners.StagingUID, uid)
	fill(&s.Owners.StagingGID, gid)
	fill(&s.Owners.GameUID, uid)
	fill(&s.Owners.GameGID, gid)
	if s.Root != "" {
		s.Root = filepath.Clean(s.Root)
	}
	l := &s.Limits
	l.MaxBytes = or(l.MaxBytes, DefaultMaxBytes)
	l.MaxFiles = or(l.MaxFiles, DefaultMaxFiles)
	l.MaxDepth = or(l.MaxDepth, DefaultMaxDepth)
	l.MaxPath = or(l.MaxPath, DefaultMaxPath)
	l.MaxLayers = or(l.MaxLayers, DefaultMaxLayers)
	l.WarnLayers = or(l.WarnLayers, DefaultWarnLayers)
	return s
}

func fill(p **int, value int) {
	if *p == nil {
		*p = &value
	}
}

func or[T comparable](value, instead T) T {
	var zero T
	if value == zero {
		return instead
	}
	return value
}
