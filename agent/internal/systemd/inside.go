package systemd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/left4me/left4me/agent/internal/server"
)

// ExecCommand is the first argument that makes the program start a game inside its unit, see [ExecMain].
const ExecCommand = "unit-exec"

// plansDir is where the unit sees the plans: its file cannot know another place.
const plansDir = "/run/left4me/servers"

// maxPlan bounds a plan, in bytes.
const maxPlan = 1 << 20

// Exit codes of ExecMain, apart from those of games and of systemd.
const (
	insideNoPlan = 100 + iota
	insideBadPlan
	insideNoTree
	insideNoProgram
	insideMayNot
	insideNoInterpreter
	insideNoHome
)

// insideFailures explain them.
var insideFailures = map[int32]startFailure{
	insideNoPlan:  {"its launch plan could not be read inside the unit", "Check that /run/left4me/servers has the group left4me-game and mode 2750: systemd-tmpfiles --create left4me.conf"},
	insideBadPlan: {"its launch plan is of another version", "Restart the agent, so that it and /usr/bin/left4me are the same version."},
	insideNoTree: {"the unit does not show the server's tree",
		"Check BindPaths of left4me-server@.service."},
	insideNoProgram:     {"the game's program is missing in its tree", "Check that the installation is complete and that no overlay hides the file."},
	insideMayNot:        {"the game's user may not run the game's program", "Check the file's mode and owner, and that its file system allows programs."},
	insideNoInterpreter: {"the program that runs the game's program is missing", "Look at the file's first line, or install the 32-bit C library."},
	insideNoHome:        {"its home directory could not be made", "Check Environment=HOME= and the file system below it in left4me-server@.service."},
}

// insideReason is why a game that had started ended with one of these codes; "" for all others.
func insideReason(code int) string { return insideFailures[int32(code)].message }

// ExecMain is to be called early by the main function of the program that ExecStart of the unit names. When args,
// which is os.Args, ask for it, it becomes the game; it returns only when that fails, or when args have --check,
// which looks and starts nothing. handled is false for all other args.
func ExecMain(args []string) (code int, handled bool) {
	if len(args) < 2 || args[1] != ExecCommand {
		return 0, false
	}
	rest := args[2:]
	check := len(rest) > 0 && rest[0] == "--check"
	if check {
		rest = rest[1:]
	}
	if len(rest) != 1 || !validServer(rest[0]) {
		fmt.Fprintf(os.Stderr, "left4me: usage: %s [--check] SERVER\n", ExecCommand)
		return insideBadPlan, true
	}
	err := inside{plans: plansDir, home: os.Getenv("HOME"), check: check}.run(rest[0])
	if err == nil {
		return 0, true
	}
	failure, ok := errors.AsType[insideError](err)
	if !ok {
		failure = insideError{insideBadPlan, err}
	}
	fmt.Fprintln(os.Stderr, "left4me: cannot start the game:", err)
	return failure.code, true
}

type insideError struct {
	code int
	error
}

func (e insideError) Unwrap() error { return e.error }

// inside is one start as seen from the unit.
type inside struct {
	plans string
	home  string
	check bool
}

func (in inside) run(serverID string) error {
	plan, err := readPlan(filepath.Join(in.plans, serverID, planFile))
	if err != nil {
		return err
	}
	if err := os.Chdir(plan.Tree); err != nil {
		return insideError{insideNoTree, err}
	}
	program := filepath.Join(plan.Tree, plan.Binary)
	if err := checkProgram(program); err != nil || in.check {
		return err
	}
	if err := makeHome(in.home, plan.Tree); err != nil {
		return insideError{insideNoHome, err}
	}
	err = syscall.Exec(program, append([]string{program}, plan.Args...), environment(plan, in.home))
	return insideError{insideMayNot, &os.PathError{Op: "execute", Path: program, Err: err}}
}

func readPlan(path string) (server.LaunchPlan, error) {
	var plan server.LaunchPlan
	f, err := os.Open(path)
	if err != nil {
		return plan, insideError{insideNoPlan, err}
	}
	defer func() { _ = f.Close() }()
	decoder := json.NewDecoder(io.LimitReader(f, maxPlan))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&plan); err != nil {
		return plan, insideError{insideBadPlan, err}
	}
	if !filepath.IsAbs(plan.Tree) || !filepath.IsLocal(plan.Binary) {
		return plan, insideError{insideBadPlan, errors.New("the plan names no tree or no program in it")}
	}
	return plan, nil
}

// checkProgram finds what would make execve fail, while there is still somebody to tell.
func checkProgram(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return insideError{insideNoProgram, err}
	}
	f, err := os.Open(path)
	if err != nil || !info.Mode().IsRegular() || syscall.Access(path, 1) != nil {
		return insideError{insideMayNot, &os.PathError{Op: "execute", Path: path, Err: syscall.EACCES}}
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, 256)
	n, _ := io.ReadFull(f, head)
	head = head[:n]
	line, isScript := bytes.CutPrefix(head, []byte("#!"))
	switch {
	case bytes.HasPrefix(head, []byte("\x7fELF")):
		return nil
	case !isScript:
		return insideError{insideMayNot, &os.PathError{Op: "execute", Path: path, Err: syscall.ENOEXEC}}
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	words := strings.Fields(string(line))
	if len(words) == 0 {
		return nil // the kernel hands it to the shell
	}
	if _, err := os.Stat(words[0]); err != nil {
		return insideError{insideNoInterpreter, err}
	}
	return nil
}

// environment is what the game gets: the plan's, a home and a path, and nothing of systemd's. The home is the unit's:
// a plan cannot know what the unit shows.
func environment(plan server.LaunchPlan, home string) []string {
	out := []string{"HOME=" + home}
	given := map[string]bool{"HOME": true}
	for _, entry := range plan.Env {
		if name, _, _ := strings.Cut(entry, "="); !given[name] {
			given[name] = true
			out = append(out, entry)
		}
	}
	if !given["PATH"] {
		out = append(out, "PATH=/usr/local/bin:/usr/bin:/bin")
	}
	return out
}

// makeHome makes the home in which Steam looks for its client. steamclient.so lies beside the server's own programs;
// where it is missing the server falls back to LAN mode.
func makeHome(home, tree string) error {
	if home == "" {
		return errors.New("HOME is not set")
	}
	steam := filepath.Join(home, ".steam")
	if err := os.MkdirAll(steam, 0o750); err != nil {
		return err
	}
	for name, beside := range map[string]string{"sdk32": "bin", "sdk64": "linux64"} {
		link := filepath.Join(steam, name)
		if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := os.Symlink(filepath.Join(tree, beside), link); err != nil {
			return err
		}
	}
	// The game writes its minidumps where every user's lie on other hosts.
	dumps := filepath.Join(filepath.Dir(home), "dumps")
	if err := os.Mkdir(dumps, 0o750); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}
