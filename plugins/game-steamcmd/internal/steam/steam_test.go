package steam_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/plugins/game-steamcmd/internal/steam"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func transcript(t testing.TB, name string) string {
	return string(read(t, filepath.Join("../standin/transcripts", name)))
}

func TestTranscripts(t *testing.T) {
	for _, test := range []struct {
		file      string
		succeeded int
		upToDate  int
		reason    string
		remedy    steam.Remedy
		progress  int
	}{
		{"install.windows-then-linux.first-run.txt", 2, 0, "", "", 28},
		{"install.two-calls.windows.txt", 1, 0, "", "", 12},
		{"install.two-calls.linux.txt", 1, 0, "", "", 12},
		{"update.already.txt", 1, 1, "", "", 0},
		{"validate.txt", 1, 0, "", "", 5},
		{"fail.disk-write.exit8.txt", 0, 0, "Disk write failure", steam.Disk, 0},
		{"fail.invalid-platform.exit8.txt", 0, 0, "Invalid platform", steam.Both, 0},
		{"fail.missing-configuration.exit8.txt", 0, 0, "Missing configuration", steam.Again, 0},
		{"fail.no-subscription.exit8.txt", 0, 0, "No subscription", steam.Account, 0},
		{"fail.state-0x202.exit8.txt", 0, 0, "0x202", steam.Space, 1},
		{"fail.state-0x402.exit8.txt", 0, 0, "0x402", steam.Patience, 1},
	} {
		t.Run(test.file, func(t *testing.T) {
			verdict, progress := steam.Verdict{App: "222860"}, 0
			for line := range strings.Lines(transcript(t, test.file)) {
				line = strings.TrimSuffix(line, "\n")
				verdict.Read(line)
				if _, ok := steam.ReadProgress(line); ok {
					progress++
				}
			}
			if verdict.Succeeded != test.succeeded || verdict.UpToDate != test.upToDate || progress != test.progress {
				t.Errorf("succeeded %d, up to date %d, progress %d", verdict.Succeeded, verdict.UpToDate, progress)
			}
			if test.reason == "" && verdict.Failure != nil {
				t.Errorf("failure %+v", verdict.Failure)
			}
			if test.reason != "" && (verdict.Failure == nil || verdict.Failure.Reason != test.reason || verdict.Failure.Remedy() != test.remedy) {
				t.Errorf("failure %+v, want %s, %s", verdict.Failure, test.reason, test.remedy)
			}
		})
	}
}

func TestStateCodesHaveRemedies(t *testing.T) {
	for code, want := range map[string]steam.Remedy{"0x202": steam.Space, "0x212": steam.Space, "0x402": steam.Patience, "0x602": steam.Patience,
		"0x606": steam.Disk, "0x626": steam.Repair, "0x6A6": steam.Repair, "0x999": steam.Nothing} {
		verdict := steam.Verdict{App: "1"}
		verdict.Read("Error! App '1' state is " + code + " after update job.")
		if verdict.Failure == nil || verdict.Failure.Remedy() != want {
			t.Errorf("%s: %+v, want %s", code, verdict.Failure, want)
		}
	}
}

func TestOtherAppsDoNotCount(t *testing.T) {
	verdict := steam.Verdict{App: "222860"}
	verdict.Read("Success! App '222861' fully installed.")
	verdict.Read("ERROR! Failed to install app '1' (No subscription)")
	if verdict.Succeeded != 0 || verdict.Failure != nil {
		t.Errorf("%+v", verdict)
	}
}

func TestProgress(t *testing.T) {
	got, ok := steam.ReadProgress(" Update state (0x61) downloading, progress: 2.49 (241786157 / 9710287462)\r")
	if want := (steam.Progress{State: 0x61, Phase: "downloading", Done: 241786157, Total: 9710287462}); !ok || got != want {
		t.Errorf("%+v, %v", got, ok)
	}
	got, ok = steam.ReadProgress("[ 27%] Downloading update (14,635 of 52,274 KB)...")
	if want := (steam.Progress{Phase: "updating steamcmd", Done: 14635 << 10, Total: 52274 << 10}); !ok || got != want {
		t.Errorf("%+v, %v", got, ok)
	}
}

func TestManifest(t *testing.T) {
	got, err := steam.ReadManifest(read(t, "testdata/appmanifest_222860.installed-2026-03.acf"))
	want := steam.Manifest{App: "222860", Flags: 4, Build: "17033453", Target: "17033453", Depots: []string{"222861", "222863"}, Bytes: 9792563589}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for _, bad := range []string{"", "x", `"AppState" { "appid" "../1" "buildid" "1" }`, `"AppState" { "appid" "1" }`} {
		if got, err := steam.ReadManifest([]byte(bad)); err == nil {
			t.Errorf("%q gave %+v", bad, got)
		}
	}
}

func TestAppInfo(t *testing.T) {
	output := []byte(transcript(t, "app_info_print.222860.txt"))
	got, err := steam.ReadAppInfo(output, "222860", "public")
	if want := (steam.AppInfo{Build: "17033453", Bytes: 9549160153 + 243403436}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := steam.ReadAppInfo(output, "222860", "beta"); err == nil {
		t.Error("a branch that is not there was found")
	}
	if _, err := steam.ReadAppInfo(output[:400], "222860", "public"); err == nil {
		t.Error("an answer was read out of a greeting")
	}
}

func TestVersion(t *testing.T) {
	if got := steam.PatchVersion(read(t, "testdata/steam.inf")); got != "2.2.4.3" {
		t.Errorf("version %q", got)
	}
	for _, bad := range []string{"", "PatchVersion=", "PatchVersion=1.x", "PatchVersion=" + strings.Repeat("1", 99)} {
		if got := steam.PatchVersion([]byte(bad)); got != "" {
			t.Errorf("%q gave %q", bad, got)
		}
	}
}

func TestUpToDate(t *testing.T) {
	for file, want := range map[string]steam.UpToDate{"uptodate.current.json": {Current: true}, "uptodate.outdated.json": {Required: "2243"}} {
		if got, err := steam.ReadUpToDate(read(t, "testdata/"+file)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", file, got, err)
		}
	}
	for _, bad := range []string{"", "<html>", `{"response":{"success":false}}`, `{"response":7}`} {
		if _, err := steam.ReadUpToDate([]byte(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func FuzzLines(f *testing.F) {
	for _, name := range []string{"install.windows-then-linux.first-run.txt", "fail.state-0x402.exit8.txt"} {
		for line := range strings.Lines(transcript(f, name)) {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, line string) {
		if p, ok := steam.ReadProgress(line); ok && (p.Phase == "" || p.Done > p.Total) {
			t.Fatalf("%+v", p)
		}
		verdict := steam.Verdict{App: "222860"}
		verdict.Read(line)
		if verdict.Succeeded > 0 && verdict.Failure != nil || verdict.Failure != nil && verdict.Failure.Reason == "" {
			t.Fatalf("%+v", verdict)
		}
	})
}

func FuzzAppInfo(f *testing.F) {
	f.Add([]byte(transcript(f, "app_info_print.222860.txt")))
	f.Add(read(f, "testdata/appmanifest_222860.installed-2026-03.acf"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if info, err := steam.ReadAppInfo(data, "222860", "public"); err == nil && !steam.Digits(info.Build) {
			t.Fatalf("%+v", info)
		}
		if m, err := steam.ReadManifest(data); err == nil && !steam.Digits(m.Build) {
			t.Fatalf("%+v", m)
		}
		steam.PatchVersion(data)
		_, _ = steam.ReadUpToDate(data)
	})
}
