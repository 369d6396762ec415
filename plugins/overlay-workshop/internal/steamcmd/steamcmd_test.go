package steamcmd_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/steamcmd"
)

func TestTranscripts(t *testing.T) {
	for _, test := range []struct {
		file, id string
		success  bool
		failure  string
	}{
		{"workshop.ok.txt", "698857882", true, ""},
		{"workshop.ok.txt", "1", false, ""},
		{"workshop.failures.txt", "2517303243", false, "Failure"},
		{"workshop.failures.txt", "2517303244", false, "Access Denied"},
		{"workshop.failures.txt", "222", false, "File Not Found"},
		{"workshop.failures.txt", "1234567", false, "Timeout"},
	} {
		file, err := os.Open(filepath.Join("testdata", test.file))
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		got := steamcmd.Scan(file, test.id, func(string) { lines++ })
		_ = file.Close()
		if got.Success != test.success || got.Failure != test.failure || lines == 0 {
			t.Errorf("%s, %s: %+v after %d lines", test.file, test.id, got, lines)
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, name := range []string{"workshop.ok.txt", "workshop.failures.txt"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := steamcmd.Scan(strings.NewReader(text), "222", func(string) {})
		if got.Success && got.Failure != "" {
			t.Fatalf("%+v", got)
		}
	})
}

// script writes a program that stands in for steamcmd. It checks its arguments as the real one is called.
func script(t *testing.T, body string) *steamcmd.Client {
	t.Helper()
	dir := t.TempDir()
	text := `#!/bin/sh
[ "$1 $3 $4 $5 $6 $8" = "+force_install_dir +login anonymous +workshop_download_item 550 +quit" ] || { echo "bad arguments: $*"; exit 9; }
[ "$HOME" = "$PWD" ] || { echo "bad home"; exit 9; }
id=$7
place="$2/steamapps/workshop/content/550/$id"
` + body
	path := filepath.Join(dir, "steamcmd.sh")
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return &steamcmd.Client{Path: path, Dir: filepath.Join(dir, "work"), Timeout: time.Minute, App: 550}
}

func TestFetch(t *testing.T) {
	for name, test := range map[string]struct {
		body, file, fault string
		gone              bool
	}{
		"legacy": {`mkdir -p "$place"; printf old >"$place/123_legacy.bin"; echo "Success. Downloaded item $id to \"$place/123_legacy.bin\" (3 bytes) "`, "123_legacy.bin", "", false},
		"directory": {`mkdir -p "$place/sub"; printf new >"$place/sub/Map.VPK"; printf x >"$place/readme.txt"; printf 1 >"$place/small.vpk"
echo "Success. Downloaded item $id to \"$place\" (3 bytes) "`, "sub/Map.VPK", "", false},
		"fails though exit 0": {`echo "ERROR! Download item $id failed (Failure)."`, "", "Failure", false},
		"access denied":       {`echo "ERROR! Download item $id failed (Access Denied)."; exit 1`, "", "Access Denied", true},
		"no VPK inside":       {`mkdir -p "$place"; printf x >"$place/a.txt"; echo "Success. Downloaded item $id to \"$place\" (1 bytes)"`, "", "no VPK", true},
		"success, no files":   {`echo "Success. Downloaded item $id to \"/etc/passwd\" (1 bytes)"`, "", "says that it was successful", false},
		"says nothing":        {`exit 0`, "", "without a word", false},
		"crashes":             {`exit 7`, "", "exit status 7", false},
		"link to elsewhere":   {`mkdir -p "$place"; ln -s /etc/passwd "$place/a.vpk"; echo "Success. Downloaded item $id to \"$place\" (1 bytes)"`, "", "no VPK", true},
	} {
		t.Run(name, func(t *testing.T) {
			client := script(t, test.body)
			download, err := client.Fetch(t.Context(), "42", func(line string) { t.Log(line) })
			if test.fault != "" {
				if err == nil || !strings.Contains(err.Error(), test.fault) || errors.Is(err, steamcmd.ErrGone) != test.gone {
					t.Errorf("error %v", err)
				}
			} else if err != nil || download.Name != test.file {
				t.Fatalf("%+v, %v", download, err)
			} else if err := download.Close(); err != nil {
				t.Error(err)
			}
			if left, _ := filepath.Glob(filepath.Join(client.Dir, "item-*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestMissingProgram(t *testing.T) {
	client := &steamcmd.Client{Path: "/nonexistent/steamcmd.sh", Dir: t.TempDir(), Timeout: time.Second, App: 550}
	if _, err := client.Fetch(t.Context(), "1", func(string) {}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestCancelEndsEveryProcess(t *testing.T) {
	client := script(t, `sleep 1000 & echo "child $!"; wait`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	child := 0
	_, err := client.Fetch(ctx, "1", func(line string) {
		if _, err := fmt.Sscanf(line, "child %d", &child); err == nil {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || child == 0 {
		t.Fatalf("error %v, child %d", err, child)
	}
	for { // the kernel ends a killed process at its own pace
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child))
		if err != nil || strings.Contains(string(data), ") Z ") {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func TestTimeLimit(t *testing.T) {
	client := script(t, `sleep 1000`)
	client.Timeout = 50 * time.Millisecond
	if _, err := client.Fetch(t.Context(), "1", func(string) {}); err == nil || !strings.Contains(err.Error(), "did not end within") {
		t.Errorf("error %v", err)
	}
}
