package sdk

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/go-plugin"
)

// MaxLaunchLine bounds the launch line, in bytes with its newline.
const MaxLaunchLine = 64 << 10

// launchVersion is the form of the launch line that this SDK reads and writes.
const launchVersion = 1

// launchLine is the one JSON line on a plugin's standard input. It replaces environment variables,
// which sudo, systemd and containers each treat in their own way; the open pipe behind it is what
// ends the plugin when the host is gone.
type launchLine struct {
	Version int               `json:"left4me_launch"`
	Env     map[string]string `json:"env"`
}

// errNoLaunch says that a person, not a host, started the plugin.
var errNoLaunch = errors.New("no launch line on standard input")

// launchNames lists the only variables a launch line may set. A host must not be able to set
// LD_PRELOAD and the like in a plugin that has more rights than itself.
func launchNames() []string {
	return []string{
		cookieKey,
		"PLUGIN_MIN_PORT", "PLUGIN_MAX_PORT",
		"PLUGIN_PROTOCOL_VERSIONS",
		"PLUGIN_MULTIPLEX_GRPC",
		"PLUGIN_CLIENT_CERT",
		plugin.EnvUnixSocketGroup,
		plugin.EnvUnixSocketDir,
	}
}

// FormatLaunch returns the line, with its newline, that a host writes to a plugin's standard input.
// It takes the environment that go-plugin composed ("NAME=value") and drops every name that a plugin
// would ignore. The host then keeps the input open for as long as the plugin shall live.
func FormatLaunch(environ []string) []byte {
	line := launchLine{Version: launchVersion, Env: map[string]string{}}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if slices.Contains(launchNames(), name) {
			line.Env[name] = value
		}
	}
	out, err := json.Marshal(line)
	if err != nil {
		panic(err) // a struct of strings always encodes
	}
	return append(out, '\n')
}

// ParseLaunch reads the launch line and returns the allowed variables in it. Names that are not
// allowed are left out without an error, so that a newer host may send more.
func ParseLaunch(input *bufio.Reader) (map[string]string, error) {
	text, err := readLine(input)
	if err != nil {
		return nil, err
	}
	var line launchLine
	if err := json.Unmarshal(text, &line); err != nil || line.Version == 0 {
		return nil, errNoLaunch
	}
	if line.Version != launchVersion {
		return nil, fmt.Errorf("the launch line has version %d, this plugin reads version %d",
			line.Version, launchVersion)
	}
	env := map[string]string{}
	for _, name := range launchNames() {
		if value, ok := line.Env[name]; ok && !strings.ContainsRune(value, 0) {
			env[name] = value
		}
	}
	return env, nil
}

// readLine reads up to a newline and gives up after MaxLaunchLine bytes.
func readLine(input *bufio.Reader) ([]byte, error) {
	var line []byte
	for len(line) < MaxLaunchLine {
		part, err := input.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return bytes.TrimSpace(line), nil
		case errors.Is(err, io.EOF):
			return nil, errNoLaunch
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
	return nil, fmt.Errorf("the launch line is longer than %d bytes", MaxLaunchLine)
}
