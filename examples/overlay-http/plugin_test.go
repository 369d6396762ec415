package main

import (
	"archive/tar"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

// The test binary is also the plugin that the test starts as a process.
func TestMain(m *testing.M) {
	if os.Getenv("OVERLAY_HTTP_AS_PLUGIN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestConformance(t *testing.T) {
	site := newSite(t)
	sdktest.RunBuilder(t, sdktest.BuilderSpec{
		Subject: sdktest.Subject{
			New:      func(string) sdk.Plugin { return newPlugin() },
			Command:  &sdktest.Command{Path: os.Args[0], Env: []string{"OVERLAY_HTTP_AS_PLUGIN=1", "GORACE=atexit_sleep_ms=0"}},
			Settings: func(string) json.RawMessage { return json.RawMessage(`{"allow_local": true}`) },
		},
		Overlay: site.put("a.zip", zipOf(t, entry{name: "addons/a.vpk", text: "aaa"}, entry{name: "cfg/b.cfg", text: "b"})),
		Changed: site.put("b.tar.gz", tgzOf(t, entry{name: "addons/c.vpk", text: "c"})),
		Endless: settingsOf(site.URL+"/endless.zip", nil),
	})
}

// bench is a configured plugin.
type bench struct {
	builder.Builder
	cache, out string
}

func newBench(t *testing.T, settings string) *bench {
	t.Helper()
	b := &bench{cache: t.TempDir(), out: t.TempDir()}
	conn := sdktest.Serve(t, newPlugin())
	sdktest.Configure(t, conn, sdk.Settings{JSON: json.RawMessage(settings), CacheDir: b.cache})
	b.Builder = builder.NewClient(conn)
	return b
}

func (b *bench) build(settings json.RawMessage, limits builder.Limits) (builder.Result, *sdktest.Recorder, error) {
	events := &sdktest.Recorder{}
	result, err := b.Build(context.Background(), builder.Request{BuildID: "b", OverlayID: "o", Settings: settings, OutputDir: b.out, Limits: limits}, events)
	return result, events, err
}

func with(settings json.RawMessage, key string, value any) json.RawMessage {
	object := map[string]any{}
	_ = json.Unmarshal(settings, &object) // our own
	object[key] = value
	out, _ := json.Marshal(object) // decoded before
	return out
}

// TestResume: what a broken download left is not fetched again.
func TestResume(t *testing.T) {
	site, b := newSite(t), newBench(t, `{"allow_local": true}`)
	data := zipOf(t, entry{name: "big", text: strings.Repeat("0123456789abcdef", 100_000)})
	settings := site.put("a.zip", data)
	site.cut = len(data) / 2
	if _, _, err := b.build(settings, builder.Limits{}); sdk.CodeOf(err) != sdk.CodeUnavailable {
		t.Fatalf("a cut download: %v", err)
	}
	if _, events, err := b.build(settings, builder.Limits{}); err != nil || len(events.AllProgress()) < 2 {
		t.Fatalf("%v, %+v", err, events.AllProgress())
	}
	if want := fmt.Sprintf("bytes=%d-", len(data)/2); site.ranges[1] != want {
		t.Errorf("the second try asked for %q, want %q", site.ranges[1], want)
	}
	if _, _, err := b.build(settings, builder.Limits{}); err != nil || len(site.ranges) != 2 {
		t.Errorf("the cache was not used: %v, %q", err, site.ranges)
	}
}

// TestDamagedCache: a file in the cache counts only by its checksum.
func TestDamagedCache(t *testing.T) {
	site, b := newSite(t), newBench(t, `{"allow_local": true}`)
	settings := site.put("a.zip", zipOf(t, entry{name: "a", text: "a"}))
	var typed settingsDocument
	if err := json.Unmarshal(settings, &typed); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{typed.SHA256, typed.SHA256 + ".part"} {
		if err := os.WriteFile(filepath.Join(b.cache, name), []byte(strings.Repeat("x", 1000)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := b.build(settings, builder.Limits{}); sdk.CodeOf(err) != sdk.CodeInvalid {
		t.Errorf("a damaged part: %v", err)
	}
	if _, _, err := b.build(settings, builder.Limits{}); err != nil {
		t.Errorf("after it was thrown away: %v", err)
	}
}

type settingsDocument struct{ SHA256 string }

func TestContentAndStrip(t *testing.T) {
	site, b := newSite(t), newBench(t, `{"allow_local": true}`)
	if err := os.WriteFile(filepath.Join(b.out, "old"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	settings := with(site.put("a.tgz", tgzOf(t, entry{name: "top/"}, entry{name: "top/cfg/a", text: "1"}, entry{name: "README", text: "2"},
		entry{"top/link", "/etc/passwd", tar.TypeSymlink}, entry{"top/hard", "top/cfg/a", tar.TypeLink}, entry{"top/dev", "", tar.TypeChar})), "strip", 1)
	result, _, err := b.build(settings, builder.Limits{})
	if err != nil || result.Files != 1 || result.Bytes != 1 {
		t.Fatalf("%+v, %v", result, err)
	}
	tree, err := sdktest.ReadTree(b.out)
	if err != nil || len(tree) != 3 || tree["left4dead2/cfg/a"].Mode != 0o644 {
		t.Errorf("%+v, %v", tree, err)
	}
}

func TestAttacksAndLimits(t *testing.T) {
	site := newSite(t)
	secret := filepath.Join(t.TempDir(), "secret")
	bomb := entry{name: "bomb", text: strings.Repeat("0", 50<<20)}
	for name, c := range map[string]struct {
		settings json.RawMessage
		limits   builder.Limits
	}{
		"leads out":          {site.put("1.zip", zipOf(t, entry{name: "../../x", text: "x"})), builder.Limits{}},
		"absolute":           {site.put("2.zip", zipOf(t, entry{name: "/etc/x", text: "x"})), builder.Limits{}},
		"backslashes":        {site.put("3.zip", zipOf(t, entry{name: `..\..\x`, text: "x"})), builder.Limits{}},
		"through a file":     {site.put("4.zip", zipOf(t, entry{name: "a", text: "x"}, entry{name: "a/b", text: "x"})), builder.Limits{}},
		"bomb":               {site.put("5.zip", zipOf(t, bomb)), builder.Limits{MaxBytes: 1 << 20}},
		"many files":         {site.put("6.zip", zipOf(t, entry{name: "a"}, entry{name: "b"}, entry{name: "c"})), builder.Limits{MaxFiles: 2}},
		"no archive":         {site.put("7.zip", []byte("<html>")), builder.Limits{}},
		"nothing in it":      {site.put("8.zip", zipOf(t)), builder.Limits{}},
		"another checksum":   {with(site.put("9.zip", zipOf(t, entry{name: "a", text: "x"})), "sha256", strings.Repeat("0", 64)), builder.Limits{}},
		"into above":         {with(site.put("10.zip", zipOf(t, entry{name: "a", text: "x"})), "into", "../x"), builder.Limits{}},
		"links, then writes": {site.put("11.tgz", tgzOf(t, entry{"l", filepath.Dir(secret), tar.TypeSymlink}, entry{name: "l", text: "x"}, entry{name: "l/secret", text: "x"})), builder.Limits{}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, `{"allow_local": true}`)
			if _, _, err := b.build(c.settings, c.limits); sdk.CodeOf(err) != sdk.CodeInvalid {
				t.Errorf("%v", err)
			}
			if tree, err := sdktest.ReadTree(b.out); err != nil || len(tree.Unfit()) > 0 {
				t.Errorf("%+v, %v", tree, err)
			}
			if entry, err := os.Stat(filepath.Join(b.out, "left4dead2/bomb")); err == nil && entry.Size() > int64(c.limits.MaxBytes)+1 {
				t.Errorf("the bomb wrote %d bytes", entry.Size())
			}
		})
	}
	if _, err := os.Stat(secret); err == nil {
		t.Error("a file was written outside")
	}
}

// TestLocalAddressesAreRefused also when a name or a redirect leads to them.
func TestLocalAddressesAreRefused(t *testing.T) {
	site, b := newSite(t), newBench(t, `{}`)
	settings := site.put("a.zip", zipOf(t, entry{name: "a", text: "a"}))
	if _, _, err := b.build(settings, builder.Limits{}); sdk.CodeOf(err) != sdk.CodeInvalid {
		t.Errorf("plain http: %v", err)
	}
	settings = with(settings, "url", strings.Replace(site.URL, "http://127.0.0.1", "https://localhost", 1)+"/a.zip")
	if _, _, err := b.build(settings, builder.Limits{}); sdk.CodeOf(err) != sdk.CodeUnavailable || len(site.ranges) > 0 {
		t.Errorf("a name of this host: %v", err)
	}
}
