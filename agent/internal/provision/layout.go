package provision

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/left4me/left4me/agent/internal/fault"
)

// Where things are on a host.
const (
	unitDir    = "/usr/lib/systemd/system"
	configDir  = "/etc/left4me"
	defaultDir = "/usr/share/left4me/defaults"
	ScriptDir  = "/usr/share/left4me/script-overlays" // of the example overlays
	agentDir   = "/var/lib/left4me/agent"
	panelDir   = "/var/lib/left4me-web"
	recordFile = "/var/lib/left4me/provision.json"
)

// A source is a file or all files of a directory of a built tree, and where they go.
type source struct {
	from     string // relative to the tree; a directory ends in "/"
	to       string
	mode     fs.FileMode
	optional bool
}

// sources is the whole installation. Packages are made from it too.
var sources = []source{
	{from: "bin/left4me", to: "/usr/bin/left4me", mode: 0o755},
	{from: "bin/left4me-web", to: "/usr/bin/left4me-web", mode: 0o755},
	{from: "bin/mounter-kernel", to: "/usr/lib/left4me/plugins/mounter-kernel", mode: 0o755},
	{from: "bin/overlay-script", to: "/usr/lib/left4me/plugins/overlay-script", mode: 0o755},
	{from: "bin/overlay-workshop", to: "/usr/lib/left4me/plugins/overlay-workshop", mode: 0o755},
	{from: "bin/game-steamcmd", to: "/usr/lib/left4me/plugins/game-steamcmd", mode: 0o755, optional: true},
	{from: "bin/demo-game", to: "/usr/lib/left4me/demo-game", mode: 0o755, optional: true},
	{from: "deploy/systemd/", to: unitDir, mode: 0o644},
	{from: "deploy/sysusers.d/", to: "/usr/lib/sysusers.d", mode: 0o644},
	{from: "deploy/tmpfiles.d/", to: "/usr/lib/tmpfiles.d", mode: 0o644},
	{from: "deploy/modules-load.d/", to: "/usr/lib/modules-load.d", mode: 0o644},
	{from: "deploy/polkit-1/rules.d/", to: "/usr/share/polkit-1/rules.d", mode: 0o644},
	{from: "deploy/libexec/", to: "/usr/lib/left4me", mode: 0o755, optional: true},
	{from: "deploy/sandbox/", to: "/usr/lib/left4me/sandbox", mode: 0o644},
	{from: "deploy/config/", to: defaultDir, mode: 0o644},
	{from: "deploy/examples/", to: "/usr/share/doc/left4me/examples", mode: 0o644},
	{from: "examples/script-overlays/", to: ScriptDir, mode: 0o644},
}

// A file is one file of the installation.
type file struct {
	from, to string
	mode     fs.FileMode
}

// plain is a name that is ours. Editors and other systems leave "._x", "x~" and ".DS_Store" behind; those never
// reach a host.
var plain = regexp.MustCompile(`^[a-z0-9][A-Za-z0-9@_.-]*$`)

// files lists what a built tree installs.
func files(tree string) ([]file, error) {
	var out []file
	for _, s := range sources {
		found, err := s.files(tree)
		if err != nil {
			return nil, fault.Wrap(err, fault.Precondition, "%s has no %s, so it is not a built tree of left4me.", tree, s.from).
				WithHint(`Run "make build" in the tree first, or name another one with --from.`)
		}
		out = append(out, found...)
	}
	return out, nil
}

func (s source) files(tree string) ([]file, error) {
	from := filepath.Join(tree, s.from)
	if _, err := os.Stat(from); s.optional && os.IsNotExist(err) {
		return nil, nil
	}
	if !strings.HasSuffix(s.from, "/") {
		_, err := os.Stat(from)
		return []file{{from, s.to, s.mode}}, err
	}
	var out []file
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !plain.MatchString(entry.Name()) {
			return err
		}
		below, err := filepath.Rel(from, path)
		out = append(out, file{path, filepath.Join(s.to, below), s.mode})
		return err
	})
	return out, err
}

// directories lists what must be there before the files, parents first.
func directories(list []file) []string {
	var out []string
	for _, f := range list {
		for dir := filepath.Dir(f.to); dir != "/"; dir = filepath.Dir(dir) {
			out = append(out, dir)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
