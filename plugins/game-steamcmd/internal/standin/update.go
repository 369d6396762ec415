package standin

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// update is app_update of one platform.
func (s *session) update(app string) error {
	switch {
	case !s.loggedIn:
		s.say("ERROR! Failed to install app '" + app + "' (Not logged on)")
		s.exit = 8
		return nil
	case app != s.world.App:
		s.say("ERROR! Failed to install app '" + app + "' (No subscription)")
		s.exit = 8
		return nil
	}
	if done, err := s.fault(); done || err != nil {
		return err
	}
	build, version := s.latest()
	installed, _ := os.ReadFile(s.manifest())
	windows := s.platform == "windows"
	if !windows && len(installed) == 0 && !s.isStaged() {
		s.replay("fail.invalid-platform.exit8.txt")
		s.exit = 8
		return nil
	}
	if bytes.Contains(installed, []byte(`"buildid"		"`+build+`"`)) && !windows {
		s.replay("update.already.txt")
		return s.remember()
	}
	if windows {
		s.replay("install.two-calls.windows.txt")
		return s.stage()
	}
	if err := s.write(build, version); err != nil {
		return err
	}
	s.home.Installs++
	if err := s.remember(); err != nil { // before the rest: what is written is written, whoever is killed now
		return err
	}
	s.replay("install.two-calls.linux.txt")
	return nil
}

// fault plays the next failure that is asked for.
func (s *session) fault() (done bool, err error) {
	if s.home.Faults >= len(s.world.Faults) {
		return false, nil
	}
	name := s.world.Faults[s.home.Faults]
	s.home.Faults++
	if err := s.remember(); err != nil || name == "" {
		return false, err
	}
	switch name {
	case "hang":
		select {}
	case "silent":
		s.exit = 1
	case "crash":
		s.say(" Update state (0x61) downloading, progress: 25.00 (2427571865 / 9710287462)")
		s.exit = 139
	case "broken":
		s.say("Success! App '" + s.world.App + "' fully installed.")
	default:
		s.replay("fail." + name + ".exit8.txt")
		s.exit = 8
	}
	return true, nil
}

// replay prints a transcript from where the platform was chosen.
func (s *session) replay(name string) {
	inside := false
	for _, line := range transcript(name) {
		if inside {
			s.say(line)
			if strings.HasPrefix(line, " Update state") {
				time.Sleep(s.pace)
			}
		}
		inside = inside || strings.HasPrefix(line, `"@sSteamCmdForcePlatformType"`)
	}
}

func (s *session) manifest() string {
	return filepath.Join(s.dir, "steamapps", "appmanifest_"+s.world.App+".acf")
}

// isStaged reports whether the files of Windows are there, which an installation begins with.
func (s *session) isStaged() bool {
	_, err := os.Stat(filepath.Join(s.dir, "srcds.exe"))
	return err == nil
}

// stage writes the files that only Windows has.
func (s *session) stage() error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir, "srcds.exe"), []byte("MZ stand-in\n"), 0o644)
}

// write brings the directory to a build. Like steamcmd it writes what differs in place, into the file that is there.
func (s *session) write(build, version string) error {
	err := fs.WalkDir(os.DirFS(s.world.Game), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(s.dir, filepath.FromSlash(name))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(s.world.Game, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		if name == "left4dead2/steam.inf" {
			data = inf(data, version)
		}
		return inPlace(target, data, 0o644|info.Mode().Perm()&0o111)
	})
	if err != nil {
		return err
	}
	if err := inPlace(filepath.Join(s.dir, "left4dead2", "build.txt"), []byte("build "+build+"\n"), 0o644); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(s.dir, "srcds.exe")); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(s.dir, "steamapps", "downloading"), 0o755); err != nil {
		return err
	}
	return os.WriteFile(s.manifest(), fmt.Appendf(nil, acf, s.world.App, build, build), 0o644)
}

// inPlace truncates and writes a file unless it has the content already.
func inPlace(name string, data []byte, mode fs.FileMode) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return os.WriteFile(name, data, mode)
}

func inf(data []byte, version string) []byte {
	lines := strings.Split(string(data), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "PatchVersion=") {
			lines[i] = "PatchVersion=" + version
		}
	}
	return []byte(strings.Join(lines, "\n"))
}

const acf = `"AppState"
{
	"appid"		"%s"
	"Universe"		"1"
	"name"		"Left 4 Dead 2 Dedicated Server"
	"StateFlags"		"4"
	"installdir"		"Left 4 Dead 2 Dedicated Server"
	"SizeOnDisk"		"9792563589"
	"buildid"		"%s"
	"BytesToDownload"		"0"
	"BytesDownloaded"		"0"
	"TargetBuildID"		"%s"
	"InstalledDepots"
	{
		"222861"
		{
			"manifest"		"4827977561765481436"
			"size"		"9549160153"
		}
		"222863"
		{
			"manifest"		"2405357637318523777"
			"size"		"243403436"
		}
	}
}
`
