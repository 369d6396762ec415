package config

import (
	"fmt"
	"path/filepath"
)

// Problem is one finding about settings.
type Problem struct {
	Pointer string // RFC 6901
	Summary string
	Hint    string
}

// Merge lays the administrator's file over what the agent asked for. Limits: the smaller one holds.
// Root and owners: the file's hold, and asking for others is a problem.
func Merge(file, asked Settings) (Settings, []Problem) {
	var problems []Problem
	pinned := func(pointer string, file, asked any) {
		problems = append(problems, Problem{
			Pointer: pointer,
			Summary: fmt.Sprintf("The mounter's own configuration sets %v here, the agent asks for %v.", file, asked),
			Hint:    "Remove the setting from the plugin block, or change the mounter's configuration file.",
		})
	}
	out := asked
	if file.Root != "" {
		if asked.Root != "" && filepath.Clean(asked.Root) != filepath.Clean(file.Root) {
			pinned("/root", file.Root, asked.Root)
		}
		out.Root = file.Root
	}
	for _, o := range []struct {
		pointer     string
		file, asked *int
		out         **int
	}{
		{"/owners/staging_uid", file.Owners.StagingUID, asked.Owners.StagingUID, &out.Owners.StagingUID},
		{"/owners/staging_gid", file.Owners.StagingGID, asked.Owners.StagingGID, &out.Owners.StagingGID},
		{"/owners/game_uid", file.Owners.GameUID, asked.Owners.GameUID, &out.Owners.GameUID},
		{"/owners/game_gid", file.Owners.GameGID, asked.Owners.GameGID, &out.Owners.GameGID},
		{"/owners/reader_gid", file.Owners.ReaderGID, asked.Owners.ReaderGID, &out.Owners.ReaderGID},
	} {
		if o.file == nil {
			continue
		}
		if o.asked != nil && *o.asked != *o.file {
			pinned(o.pointer, *o.file, *o.asked)
		}
		*o.out = o.file
	}
	out.Limits = Limits{
		MaxBytes:   smaller(file.Limits.MaxBytes, asked.Limits.MaxBytes),
		MaxFiles:   smaller(file.Limits.MaxFiles, asked.Limits.MaxFiles),
		MaxDepth:   smaller(file.Limits.MaxDepth, asked.Limits.MaxDepth),
		MaxPath:    smaller(file.Limits.MaxPath, asked.Limits.MaxPath),
		MaxLayers:  smaller(file.Limits.MaxLayers, asked.Limits.MaxLayers),
		WarnLayers: smaller(file.Limits.WarnLayers, asked.Limits.WarnLayers),
	}
	return out, problems
}

// smaller ignores zero, which means unset.
func smaller[T int | uint64](a, b T) T {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}

// Check finds all problems of filled settings.
func (s Settings) Check() []Problem {
	var out []Problem
	bad := func(pointer, summary, hint string) {
		out = append(out, Problem{Pointer: pointer, Summary: summary, Hint: hint})
	}
	if s.Root == "" {
		bad("/root", "The mounter does not know where content lives.", `Set root = "/var/lib/left4me" in the plugin's settings.`)
	} else if !filepath.IsAbs(s.Root) || s.Root == "/" {
		bad("/root", fmt.Sprintf("%q cannot be the content directory.", s.Root), "Give an absolute path of a directory of its own.")
	}
	for _, o := range []struct {
		pointer string
		id      *int
	}{
		{"/owners/staging_uid", s.Owners.StagingUID}, {"/owners/staging_gid", s.Owners.StagingGID},
		{"/owners/game_uid", s.Owners.GameUID}, {"/owners/game_gid", s.Owners.GameGID},
		{"/owners/reader_gid", s.Owners.ReaderGID},
	} {
		if o.id != nil && (*o.id < 0 || int64(*o.id) >= 1<<32-1) {
			bad(o.pointer, fmt.Sprintf("%d is not a user or group number.", *o.id), "Give a number from 0 to 4294967294.")
		}
	}
	l := s.Limits
	if l.MaxLayers < 1 || l.MaxLayers > KernelLayers {
		bad("/limits/max_layers", fmt.Sprintf("The kernel mounts 1 to %d layers, not %d.", KernelLayers, l.MaxLayers), "Give a smaller number.")
	}
	if l.MaxDepth < 1 || l.MaxDepth > 256 || l.MaxPath < 1 || l.MaxPath > 4000 || l.WarnLayers < 0 {
		bad("/limits", "A limit is out of its range.", "max_depth is 1 to 256, max_path 1 to 4000, warn_layers not negative.")
	}
	return out
}
