package steamcmd_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/plugins/game-steamcmd/internal/steamcmd"
)

func client(t *testing.T, script string) *steamcmd.Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "steamcmd.sh")
	if err := os.WriteFile(path, []byte("#!/bin/bash\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return &steamcmd.Client{Config: steamcmd.Config{Path: path, Home: filepath.Join(t.TempDir(), "home"), Stall: time.Minute}}
}

func TestLinesEnvironmentAndExit(t *testing.T) {
	t.Setenv("LEFT4ME_SECRET", "x")
	c := client(t, `printf 'one\rtwo\nthree\n'; env | cut -d= -f1 | grep -c SECRET; echo "$HOME"; pwd; [ -t 1 ] && echo terminal; echo "$@"; printf 'last'; exit 8`)
	var lines []string
	exit, err := c.Run(t.Context(), func(line string) { lines = append(lines, line) }, "+login", "anonymous")
	want := []string{"one", "two", "three", "0", c.Home, c.Home, "terminal", "+login anonymous", "last"}
	if diff := cmp.Diff(want, lines); diff != "" || err != nil || exit.Code != 8 || !exit.Terminal {
		t.Errorf("%+v, %v\n%s", exit, err, diff)
	}
}

// TestALineComesBeforeTheNext holds that nothing is buffered: the script waits for us after its first line.
func TestALineComesBeforeTheNext(t *testing.T) {
	c := client(t, `echo ready; while [ ! -e go ]; do sleep 0.01; done; echo done`)
	var lines []string
	_, err := c.Run(t.Context(), func(line string) {
		lines = append(lines, line)
		if line == "ready" {
			if err := os.WriteFile(filepath.Join(c.Home, "go"), nil, 0o600); err != nil {
				t.Error(err)
			}
		}
	})
	if err != nil || strings.Join(lines, " ") != "ready done" {
		t.Errorf("%v, %v", lines, err)
	}
}

func TestCancelEndsAllProcesses(t *testing.T) {
	c := client(t, `(trap '' HUP INT TERM; sleep 1000) & echo $!; wait`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pid := 0
	_, err := c.Run(ctx, func(line string) {
		if _, err := fmt.Sscan(line, &pid); err != nil {
			t.Error(err)
		}
		cancel()
	})
	if !errors.Is(err, context.Canceled) || pid == 0 {
		t.Fatalf("%v, pid %d", err, pid)
	}
	deadline := time.Now().Add(20 * time.Second)
	for alive(pid) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d outlived its run", pid)
		}
		time.Sleep(time.Millisecond)
	}
}

// alive reports whether pid is a process that is not a zombie.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestSilenceIsGivenUp(t *testing.T) {
	c := client(t, `echo begin; sleep 1000`)
	c.Stall = 200 * time.Millisecond
	if _, err := c.Run(t.Context(), func(string) {}); !errors.Is(err, steamcmd.ErrStalled) {
		t.Errorf("error %v", err)
	}
}

func TestAProgramThatIsMissing(t *testing.T) {
	c := &steamcmd.Client{Config: steamcmd.Config{Path: "/nonexistent/steamcmd", Home: t.TempDir(), Stall: time.Minute}}
	if _, err := c.Run(t.Context(), func(string) {}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestALineWithoutEndComesInPieces(t *testing.T) {
	c := client(t, `head -c 100000 /dev/zero | tr '\0' x; echo; echo end`)
	total, longest, last := 0, 0, ""
	_, err := c.Run(t.Context(), func(line string) {
		total, longest, last = total+len(line), max(longest, len(line)), line
	})
	if err != nil || total != 100003 || longest > 8<<10 || last != "end" {
		t.Errorf("%v: %d bytes, longest %d, last %q", err, total, longest, last)
	}
}
