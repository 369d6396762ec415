package backup

import (
	"encoding/json"
	"path"
	"regexp"
	"strings"
	"time"
)

// Names in the archive.
const (
	manifestName = "manifest.json"
	sumsName     = "SHA256SUMS"
	serversDir   = "servers"
	upperName    = "upper"
	format       = 1
)

// databases are names in the archive and where they are on a host.
func databases() map[string]place {
	return map[string]place{
		"agent.db": {"/var/lib/left4me/agent/agent.db", "left4me"},
		"panel.db": {"/var/lib/left4me-web/panel.db", "left4me-web"},
	}
}

type place struct{ path, user string }

const (
	configDir  = "/etc/left4me"
	contentDir = "/var/lib/left4me/content"
	mounter    = "left4me-mounter"
)

// Manifest is the first file of an archive.
type Manifest struct {
	Format  int       `json:"format"`
	Version string    `json:"version"` // of left4me
	Created time.Time `json:"created"`
	Host    string    `json:"host"`
}

func (m Manifest) encode() ([]byte, error) {
	data, err := json.MarshalIndent(m, "", "  ")
	return append(data, '\n'), err
}

var (
	configName = regexp.MustCompile(`^[a-z0-9][A-Za-z0-9._-]{0,99}$`)
	serverID   = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)
)

// A location is where an entry of an archive belongs. One without a field set is none of ours.
type location struct {
	database string // name
	config   string // name
	server   string // id
	below    string // path in the upper; "." is the upper
}

// locate says where an entry belongs. ok is false for names that no backup has.
func locate(name string) (location, bool) {
	if _, known := databases()[name]; known {
		return location{database: name}, true
	}
	if path.Clean(name) != strings.TrimSuffix(name, "/") || strings.ContainsRune(name, 0) {
		return location{}, false
	}
	parts := strings.SplitN(strings.TrimSuffix(name, "/"), "/", 4)
	switch {
	case len(parts) == 2 && parts[0] == "etc" && configName.MatchString(parts[1]):
		return location{config: parts[1]}, true
	case len(parts) < 3 || parts[0] != serversDir || !serverID.MatchString(parts[1]) || parts[2] != upperName:
		return location{}, false
	case len(parts) == 3:
		return location{server: parts[1], below: "."}, true
	}
	return location{server: parts[1], below: parts[3]}, true
}
