// Package standin is a stand-in for steamcmd, for tests and the demonstration: the same arguments and the
// same rules about their order, transcripts of the real one, depots for two platforms, files that are written in
// place, app manifests, one update of itself, and its failures on demand.
//
// It gets the game from a directory on this host and reaches no network.
package standin

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed transcripts
var transcripts embed.FS

// World is what the stand-in finds on "Steam".
type World struct {
	App     string `json:"app"`     // "222860" when empty
	Build   uint64 `json:"build"`   // of the branch "public"
	Version string `json:"version"` // of the game, "2.2.4.3"
	// Game is the directory that holds the game. In it, nothing is changed.
	Game string `json:"game"`
	// Renew brings out a new build after each installation, so that there is always something to update to.
	Renew bool `json:"renew,omitempty"`
	// Faults are what the next runs of app_update do instead of their work: part of the name of a transcript of a failure,
	// "crash", "hang", "silent", "broken" (says success, leaves half), or "" for nothing.
	Faults    []string `json:"faults,omitempty"`
	InfoFault bool     `json:"info_fault,omitempty"` // app_info_print fails
	SelfFirst bool     `json:"self_first,omitempty"` // the first run in a home updates steamcmd itself
	Pace      string   `json:"pace,omitempty"`       // pause between lines of progress
}

// home is what the stand-in remembers in its home directory, as steamcmd does in ~/Steam.
type home struct {
	Installs int  `json:"installs"`
	Faults   int  `json:"faults"` // used up
	Updated  bool `json:"updated"`
}

// session is one run.
type session struct {
	world    World
	home     home
	homeFile string
	out      io.Writer
	pace     time.Duration
	dir      string
	platform string
	loggedIn bool
	exit     int
}

// Run does what steamcmd does with arguments, and returns the exit code.
func Run(worldFile, homeDir string, arguments []string, out io.Writer) int {
	s := &session{out: out, platform: "linux", homeFile: filepath.Join(homeDir, "Steam", "standin.json")}
	if err := s.open(worldFile); err != nil {
		fmt.Fprintln(out, "steamcmd-standin:", err)
		return 1
	}
	s.greet()
	for _, command := range commands(arguments) {
		if err := s.do(command); err != nil {
			fmt.Fprintln(out, "steamcmd-standin:", err)
			return 1
		}
		if s.exit != 0 {
			break
		}
	}
	return s.exit
}

func (s *session) open(worldFile string) error {
	data, err := os.ReadFile(worldFile)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &s.world); err != nil {
		return err
	}
	if s.world.App == "" {
		s.world.App = "222860"
	}
	if s.world.Pace != "" {
		if s.pace, err = time.ParseDuration(s.world.Pace); err != nil {
			return err
		}
	}
	data, err = os.ReadFile(s.homeFile)
	if errors.Is(err, fs.ErrNotExist) {
		s.hurry()
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &s.home); err != nil {
		return err
	}
	s.hurry()
	return nil
}

// hurry leaves the pauses out of a demonstration's first installation: people watch updates, and wait for the first.
func (s *session) hurry() {
	if s.world.Renew && s.home.Installs == 0 {
		s.pace = 0
	}
}

func (s *session) remember() error {
	data, err := json.Marshal(s.home)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.homeFile), 0o755); err != nil {
		return err
	}
	fresh := s.homeFile + ".new" // it may be killed at any moment, and must find itself whole afterwards
	if err := os.WriteFile(fresh, data, 0o644); err != nil {
		return err
	}
	return os.Rename(fresh, s.homeFile)
}

// commands cuts arguments where a "+" begins the next command.
func commands(arguments []string) (out [][]string) {
	for _, argument := range arguments {
		if name, found := strings.CutPrefix(argument, "+"); found {
			out = append(out, []string{name})
		} else if len(out) > 0 {
			out[len(out)-1] = append(out[len(out)-1], argument)
		}
	}
	return out
}

func (s *session) do(command []string) error {
	argument := func(i int) string {
		if i < len(command) {
			return command[i]
		}
		return ""
	}
	switch command[0] {
	case "force_install_dir":
		if s.loggedIn {
			s.say("Please use force_install_dir before logon!")
			return nil
		}
		s.dir = argument(1)
	case "login":
		s.loggedIn = true
		s.say("", "Connecting anonymously to Steam Public...OK", "Waiting for client config...OK", "Waiting for user info...OK")
	case "@sSteamCmdForcePlatformType":
		s.platform = argument(1)
		s.say(fmt.Sprintf("%q = %q", command[0], s.platform))
	case "app_info_print":
		return s.info(argument(1))
	case "app_update":
		return s.update(argument(1))
	case "app_info_update", "quit":
	default:
		s.say("Command not found: " + command[0])
	}
	return nil
}

func (s *session) say(lines ...string) {
	for _, line := range lines {
		fmt.Fprintln(s.out, line)
	}
}

// greet prints what comes before the first command.
func (s *session) greet() {
	name := "update.already.txt"
	if s.world.SelfFirst && !s.home.Updated {
		name = "install.windows-then-linux.first-run.txt"
	}
	for _, line := range transcript(name) {
		if line == "" { // the login begins
			break
		}
		s.say(line)
		if strings.Contains(line, "Downloading update") {
			time.Sleep(s.pace)
		}
	}
	s.home.Updated = true
}

func transcript(name string) []string {
	data, err := transcripts.ReadFile("transcripts/" + name)
	if err != nil {
		panic(err) // they are part of the program
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

// latest is the build and version that the branch is at.
func (s *session) latest() (build, version string) {
	build, version = strconv.FormatUint(s.world.Build, 10), s.world.Version
	if !s.world.Renew || s.home.Installs == 0 {
		return build, version
	}
	build = strconv.FormatUint(s.world.Build+1000*uint64(s.home.Installs), 10)
	at := strings.LastIndexByte(version, '.')
	if last, err := strconv.Atoi(version[at+1:]); err == nil {
		version = version[:at+1] + strconv.Itoa(last+s.home.Installs)
	}
	return build, version
}

func (s *session) info(app string) error {
	if s.world.InfoFault {
		s.say("ERROR! Failed to request AppInfo update, not online or not logged in to Steam.")
		s.exit = 5
		return nil
	}
	if app != s.world.App {
		s.say("No app info for AppID " + app + " found, requesting...")
		return nil
	}
	build, _ := s.latest()
	size, err := s.gameSize()
	if err != nil {
		return err
	}
	news := strings.NewReplacer(`"17033453"`, `"`+build+`"`, `"9549160153"`, `"`+strconv.FormatInt(size, 10)+`"`, `"243403436"`, `"0"`)
	inside := false
	for _, line := range transcript("app_info_print.222860.txt") {
		inside = inside || strings.HasPrefix(line, "AppID :")
		if inside {
			s.say(news.Replace(line))
		}
	}
	return s.remember()
}

// gameSize is what the game takes on disk, in bytes: no machine must have room for the real one.
func (s *session) gameSize() (total int64, err error) {
	err = fs.WalkDir(os.DirFS(s.world.Game), ".", func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return err
	})
	return total, err
}
