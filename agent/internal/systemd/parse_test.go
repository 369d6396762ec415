package systemd_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	godbus "github.com/godbus/dbus/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/server"
	"github.com/left4me/left4me/agent/internal/systemd"
)

func cursor(number int) string {
	return fmt.Sprintf("s=%032x;i=%x;b=%032x;m=1;t=1;x=1", 1, number, 2)
}

func TestEntries(t *testing.T) {
	at := `"__REALTIME_TIMESTAMP":"1795566986029162","__CURSOR":"c",`
	when := time.UnixMicro(1795566986029162)
	for name, tc := range map[string]struct {
		text string
		want server.Line
		line bool
	}{
		"text":     {at + `"MESSAGE":"Server is hibernating"`, server.Line{Cursor: "c", Time: when, Text: "Server is hibernating"}, true},
		"bytes":    {at + `"MESSAGE":[104,105,255,27]`, server.Line{Cursor: "c", Time: when, Text: "hi\xff\x1b"}, true},
		"empty":    {at + `"MESSAGE":""`, server.Line{Cursor: "c", Time: when}, true},
		"too long": {at + `"MESSAGE":null`, server.Line{Cursor: "c", Time: when}, true},
		"twice":    {at + `"MESSAGE":["a","b"]`, server.Line{Cursor: "c", Time: when, Text: "a"}, true},
		"dropped": {at + `"MESSAGE":"Suppressed 7 messages from x","MESSAGE_ID":"a596d6fe7bfa4994828e72309e95d61e","N_DROPPED":"7"`,
			server.Line{Cursor: "c", Time: when, Dropped: 7}, false},
		"dropped, no number": {at + `"MESSAGE_ID":"a596d6fe7bfa4994828e72309e95d61e"`, server.Line{Cursor: "c", Time: when, Dropped: 1}, false},
	} {
		got, isLine, err := systemd.ParseEntry([]byte("{" + tc.text + "}"))
		if err != nil || isLine != tc.line || got != tc.want {
			t.Errorf("%s: %+v, %v, %v", name, got, isLine, err)
		}
	}
	for _, bad := range []string{"", "{", "[]", "null", `{"MESSAGE":"no place"}`, `{"__CURSOR":"c","__REALTIME_TIMESTAMP":"soon"}`} {
		if _, _, err := systemd.ParseEntry([]byte(bad)); err == nil {
			t.Errorf("%q is an entry", bad)
		}
	}
}

func FuzzEntry(f *testing.F) {
	f.Add([]byte(`{"__REALTIME_TIMESTAMP":"1","__CURSOR":"c","MESSAGE":[1,2]}`))
	f.Add([]byte(`{"__REALTIME_TIMESTAMP":"1","__CURSOR":["c"],"MESSAGE":[["a"],[1]],"N_DROPPED":"9e9"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		line, _, err := systemd.ParseEntry(data)
		if err == nil && (line.Cursor == "" || line.Dropped < 0) {
			t.Errorf("%+v", line)
		}
	})
}

func TestExits(t *testing.T) {
	for name, tc := range map[string]struct {
		result       string
		code, status int32
		say          string
	}{
		"well":      {"success", 1, 0, "exit code 0"},
		"code":      {"exit-code", 1, 3, "exit code 3"},
		"signal":    {"signal", 2, 11, "signal SIGSEGV"},
		"core":      {"core-dump", 3, 6, "signal SIGABRT"},
		"memory":    {"oom-kill", 2, 9, "out of memory, because the kernel or its unit's memory limit took it down"},
		"timeout":   {"timeout", 2, 9, "signal SIGKILL, because it did not end in time and was killed"},
		"no access": {"exit-code", 1, 104, "exit code 104, because the game's user may not run the game's program"},
		"odd":       {"signal", 2, 99, "signal signal 99"},
	} {
		exit := systemd.ExitOf(map[string]godbus.Variant{"Result": godbus.MakeVariant(tc.result),
			"ExecMainCode": godbus.MakeVariant(tc.code), "ExecMainStatus": godbus.MakeVariant(tc.status)})
		if exit.String() != tc.say || exit.OOM != (tc.result == "oom-kill") {
			t.Errorf("%s: %q, %+v", name, exit, exit)
		}
	}
}

// Every code has a sentence and a next step; known ones name the cause.
func TestStartFailures(t *testing.T) {
	for status, word := range map[int32]string{100: "plan", 103: "missing", 203: "executed", 217: "user", 216: "group", 226: "view", 228: "filter", 7: "code 7"} {
		message, _ := systemd.WhyNotStarted(status)
		if !strings.Contains(message, word) {
			t.Errorf("%d: %s", status, message)
		}
	}
	for status := range int32(256) {
		message, hint := systemd.WhyNotStarted(status)
		if message == "" || hint == "" || strings.Contains(hint, "UNIT") || strings.HasSuffix(message, ".") {
			t.Errorf("%d: %q, %q", status, message, hint)
		}
	}
}

func TestNamesOfUnits(t *testing.T) {
	for _, id := range []string{"a", "06f3k9", "my-server_1", "a_2db", "z" + strings.Repeat("-", 62)} {
		byName, _ := systemd.ServerOf("left4me-server@" + id + ".service")
		_, byPath := systemd.ServerOf(systemd.ObjectOf(id))
		if byName != id || byPath != id {
			t.Errorf("%q: %q, %q", id, byName, byPath)
		}
	}
	for _, other := range []string{"", "dbus.service", "left4me-server@.service", "left4me-server@A.service", "left4me-server@x.socket",
		"left4me-server@left4me-probe.service", "/org/freedesktop/systemd1/unit/left4me_2dserver_40", "/org/freedesktop/systemd1/unit/left4me_2dserver_40_41_2eservice"} {
		if byName, byPath := systemd.ServerOf(other); byName != "" || byPath != "" {
			t.Errorf("%q: %q, %q", other, byName, byPath)
		}
	}
}

func TestLimitsForSystemd(t *testing.T) {
	if got := systemd.Properties(blueprint.Limits{}); len(got) != 0 {
		t.Errorf("%v", got)
	}
	want := map[string]any{"MemoryMax": uint64(2 << 30), "CPUQuotaPerSecUSec": uint64(1_500_000), "TasksMax": uint64(100),
		"IOWeight": uint64(500), "AllowedCPUs": []byte{0b00001011, 0b00000010}}
	got := systemd.Properties(blueprint.Limits{MemoryMiB: 2048, CPUPercent: 150, Tasks: 100, CPUs: "0-1,3,9", IOWeight: 500})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNewer(t *testing.T) {
	lines := []server.Line{{Cursor: cursor(9)}, {Cursor: cursor(10)}, {Cursor: cursor(12)}}
	for after, want := range map[string]int{cursor(8): 3, cursor(9): 2, cursor(11): 1, cursor(12): 0, cursor(0xffff): 0,
		"": 3, "nonsense": 3, strings.Replace(cursor(99), "s=0", "s=1", 1): 3} {
		if got := systemd.Newer(lines, after); len(got) != want {
			t.Errorf("after %q: %d lines, want %d", after, len(got), want)
		}
	}
}

// What the program inside the unit says for each thing that can be wrong.
func TestInsideOfAUnit(t *testing.T) {
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("tree/good", "#!/bin/sh\n", 0o755)
	write("tree/bare", "#!\n", 0o755)
	write("tree/lost", "#!/no/such/shell -x\n", 0o755)
	write("tree/text", "text", 0o755)
	write("tree/data", "#!/bin/sh\n", 0o644)
	plan := func(binary, tree string) string {
		return fmt.Sprintf(`{"Server":"x","Tree":%q,"Binary":%q,"Args":null,"Env":null}`, tree, binary)
	}
	for name, tc := range map[string]struct {
		plan string
		code int
	}{
		"good": {plan("good", tree), 0}, "bare": {plan("bare", tree), 0}, "elf": {plan("true", "/bin"), 0},
		"nothing": {"", 100}, "garbage": {"{", 101}, "newer": {`{"Tree":"/","Binary":"x","Colour":1}`, 101}, "outside": {plan("../x", tree), 101},
		"relative": {plan("good", "tree"), 101}, "no tree": {plan("good", "/nonexistent"), 102}, "no program": {plan("none", tree), 103},
		"directory": {plan(".", tree), 104}, "text": {plan("text", tree), 104}, "lost": {plan("lost", tree), 105},
	} {
		if tc.plan != "" {
			write("plans/x/plan.json", tc.plan, 0o644)
		}
		at := filepath.Join(dir, "plans")
		if tc.plan == "" {
			at = filepath.Join(dir, "none")
		}
		if code, err := systemd.RunInside(at, filepath.Join(dir, "home"), "x", true); code != tc.code || (err == nil) != (code == 0) {
			t.Errorf("%s: %d, %v", name, code, err)
		}
	}
	if _, handled := systemd.ExecMain([]string{"left4me", "agent"}); handled {
		t.Error("it takes every command for its own")
	}
	if code, handled := systemd.ExecMain([]string{"left4me", systemd.ExecCommand, "../x"}); !handled || code != 101 {
		t.Errorf("%d, %v", code, handled)
	}
}
