package overlay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/standin"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

func TestSteamcmdFallback(t *testing.T) {
	dir := t.TempDir()
	pack := filepath.Join(dir, "pack.vpk")
	if err := os.WriteFile(pack, packOf("p"), 0o600); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "steamcmd.sh")
	text := fmt.Sprintf(`#!/bin/sh
place="$2/steamapps/workshop/content/550/$7"
case $7 in
1) mkdir -p "$place"; cp %[1]q "$place/77_legacy.bin"; echo "Success. Downloaded item $7 to \"$place/77_legacy.bin\" (1 bytes) " ;;
2) mkdir -p "$place"; cp %[1]q "$place/map.vpk"; echo "Success. Downloaded item $7 to \"$place\" (1 bytes) " ;;
3) echo "ERROR! Download item $7 failed (Access Denied)." ;;
4) mkdir -p "$place"; echo "<html>" >"$place/map.vpk"; echo "Success. Downloaded item $7 to \"$place\" (1 bytes) " ;;
esac
`, pack)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, standin.World{Items: []standin.Item{
		{ID: "1", Title: "No address", NoURL: true, Size: 999, Content: "71"},
		{ID: "2", Title: "Address of the preview", PreviewAsURL: true, Size: 999, Content: "72"},
		{ID: "3", Title: "Refused", NoURL: true, Size: 999, Content: "73"},
		{ID: "4", Title: "No VPK", NoURL: true, Size: 999, Content: "74"},
		{ID: "5", Title: "Says nothing", NoURL: true, Size: 999, Content: "75"},
	}})
	r.configure(map[string]any{"steamcmd": script})
	events := r.must(list("1", "2", "3", "4"))
	if r.files() != "1 2" || r.content("1") != string(packOf("p")) || codes(events) != "broken gone" {
		t.Errorf("files %q, diagnostics %q", r.files(), codes(events))
	}
	r.must(list("1", "2", "3", "4"))
	if !r.result.Unchanged {
		t.Error("a refresh fetched an item again whose size differs from the announced one")
	}
	if _, err := r.build(t.Context(), list("5")); sdk.CodeOf(err) != sdk.CodeUnavailable {
		t.Errorf("steamcmd that says nothing: %v", err)
	}
}

func TestProgressTellsTitlesAndBytes(t *testing.T) {
	item := itemOf("1", "a")
	item.Fault.Rate = int64(len(item.Data)) * 2
	r := newRig(t, standin.World{Items: []standin.Item{item}})
	events := r.must(list("1"))
	named, last := false, builder.Progress{}
	for _, p := range events.AllProgress() {
		if p.Phase != "download" {
			continue
		}
		if p.Done < last.Done || p.Total != uint64(len(item.Data)) || p.Unit != builder.Bytes {
			t.Errorf("progress %+v after %+v", p, last)
		}
		named = named || strings.Contains(p.Message, "Item a (1)")
		last = p
	}
	if !named || last.Done != last.Total {
		t.Errorf("no progress names the item, or the last is not complete: %+v", last)
	}
}

func TestCancelThenGoOn(t *testing.T) {
	big := standin.Item{ID: "1", Title: "Big", Data: bytes.Clone(standin.Pack(standin.Filler(1 << 20)))}
	big.Fault.Rate = 500_000
	r := newRig(t, standin.World{Items: []standin.Item{big}})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r.onEvent = func() {
		if r.steam.Stats().Bytes > 100_000 {
			cancel()
		}
	}
	if _, err := r.build(ctx, list("1")); sdk.CodeOf(err) != sdk.CodeCanceled {
		t.Fatalf("error %v", err)
	}
	r.onEvent = nil
	r.steam.ChangeItem("1", func(item *standin.Item) { item.Fault.Rate = 0 })
	r.steam.ResetStats()
	r.must(list("1"))
	if sent := r.steam.Stats().Bytes; sent > int64(len(big.Data))-50_000 {
		t.Errorf("%d of %d bytes were sent after the cancel: nothing was kept", sent, len(big.Data))
	}
}

func TestLimitsAreCheckedBeforeDownloading(t *testing.T) {
	r := newRig(t, standin.World{Items: []standin.Item{itemOf("1", "a"), itemOf("2", "b")}})
	for _, limits := range []builder.Limits{{MaxBytes: 100}, {MaxFiles: 2}} {
		_, err := r.builder.Build(t.Context(), builder.Request{
			BuildID: "x", OverlayID: "o", Settings: json.RawMessage(`{"items":["1 2"]}`), OutputDir: t.TempDir(), Limits: limits,
		}, &sdktest.Recorder{})
		if sdk.CodeOf(err) != sdk.CodeInvalid || r.steam.Stats().Downloads != 0 {
			t.Errorf("%+v: %v, %d downloads", limits, err, r.steam.Stats().Downloads)
		}
	}
}

func TestEvictionLeavesRevisionsAlone(t *testing.T) {
	r := newRig(t, standin.World{Items: []standin.Item{itemOf("1", "a"), itemOf("2", "b")}})
	r.configure(map[string]any{"cache_max_bytes": 1})
	r.must(list("1", "2"))
	left, err := filepath.Glob(filepath.Join(r.cache, "content", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left in the cache: %v, %v", left, err)
	}
	r.steam.ResetStats()
	r.must(list("1", "2"))
	if !r.result.Unchanged || r.steam.Stats().Bytes != 0 {
		t.Errorf("refresh without cache: %+v", r.result)
	}
	if diff := cmp.Diff([]string{string(packOf("a")), string(packOf("b"))}, []string{r.content("1"), r.content("2")}); diff != "" {
		t.Error(diff)
	}
}

func TestReserveIsKeptFree(t *testing.T) {
	r := newRig(t, standin.World{Items: []standin.Item{itemOf("1", "a")}})
	r.configure(map[string]any{"reserve_bytes": int64(1) << 60})
	_, err := r.build(t.Context(), list("1"))
	if sdk.CodeOf(err) != sdk.CodePrecondition || !strings.Contains(err.Error(), "stay reserved") || r.steam.Stats().Downloads != 0 {
		t.Errorf("error %v", err)
	}
}
