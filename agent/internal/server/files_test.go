package server_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/left4me/left4me/agent/internal/blueprint"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/merged"
	"github.com/left4me/left4me/agent/internal/rig"
	"github.com/left4me/left4me/agent/internal/server"
)

const cfgDir = "left4dead2/cfg/"

// stacked makes server alpha over two overlays that share files.
func stacked(t *testing.T) (*rig.Rig, server.Server) {
	t.Helper()
	r, s := alpha(t)
	r.Overlay("top", map[string]string{cfgDir + "a.cfg": "top a", cfgDir + "only.cfg": "only"})
	r.Overlay("low", map[string]string{cfgDir + "a.cfg": "low", cfgDir + "b.cfg": "low b"})
	list := []string{"top", "low"}
	if _, err := r.Blueprints.Edit(context.Background(), "ann", "coop", blueprint.Change{Overlays: &list}); err != nil {
		t.Fatal(err)
	}
	return r, s
}

func find(t *testing.T, r *rig.Rig, path string) merged.Item {
	t.Helper()
	listed, err := r.Servers.ListFiles(t.Context(), "alpha", strings.TrimSuffix(filepath.Dir(path), "."))
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range listed.Items {
		if item.Name == filepath.Base(path) {
			return item
		}
	}
	return merged.Item{}
}

func content(t *testing.T, r *rig.Rig, path, layer string) string {
	t.Helper()
	file, err := r.Servers.OpenFile(t.Context(), "alpha", path, layer)
	if err != nil {
		return "error: " + err.Error()
	}
	data, err := io.ReadAll(file)
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

func wantFault(t *testing.T, what string, err error, code fault.Code) {
	t.Helper()
	if !fault.Is(err, code) {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// The story of a file: it comes from an overlay, is edited, deleted by the game, and reset.
func TestFilesOfAServer(t *testing.T) {
	r, s := stacked(t)
	ctx := t.Context()
	if got := find(t, r, cfgDir+"a.cfg"); got.Layer != "overlay/top" || !slices.Equal(got.Hides, []string{"overlay/low"}) || got.Size != 5 {
		t.Errorf("before the first start: %+v", got)
	}
	if err := r.Servers.PutFile(ctx, "ann", "alpha", cfgDir+"a.cfg", "", []byte("mine")); err != nil {
		t.Fatal(err)
	}
	if got := find(t, r, cfgDir+"a.cfg"); got.Layer != merged.Upper || !slices.Equal(got.Hides, []string{"overlay/top", "overlay/low"}) {
		t.Errorf("edited: %+v", got)
	}
	for layer, want := range map[string]string{"": "mine", "server": "mine", "overlay/top": "top a", "overlay/low": "low"} {
		if got := content(t, r, cfgDir+"a.cfg", layer); got != want {
			t.Errorf("layer %q: %q, want %q", layer, got, want)
		}
	}
	sum := sha256.Sum256([]byte("mine"))
	if err := r.Servers.PutFile(ctx, "ann", "alpha", cfgDir+"a.cfg", hex.EncodeToString(sum[:]), []byte("mine too")); err != nil {
		t.Error(err)
	}
	wantFault(t, "an edit of what has changed", r.Servers.PutFile(ctx, "ann", "alpha", cfgDir+"a.cfg", hex.EncodeToString(sum[:]), nil), fault.Conflict)
	r.Succeed(r.Servers.Start(ctx, "ann", "alpha"))
	wait(t, r, "alpha", server.Running)
	plan, _ := r.World.Plan(s.ID)
	if err := os.Remove(filepath.Join(plan.Tree, cfgDir, "b.cfg")); err != nil {
		t.Fatal(err)
	}
	if got := find(t, r, cfgDir+"b.cfg"); !got.Deleted || got.Kind != "file" || got.Layer != merged.Upper {
		t.Errorf("deleted by the game: %+v", got)
	}
	wantFault(t, "a reset while it runs", r.Servers.ResetPath(ctx, "ann", "alpha", cfgDir+"b.cfg"), fault.Precondition)
	r.Succeed(r.Servers.Stop(ctx, "ann", "alpha"))
	for _, name := range []string{"a.cfg", "b.cfg"} {
		if err := r.Servers.ResetPath(ctx, "ann", "alpha", cfgDir+name); err != nil {
			t.Error(err)
		}
		wantFault(t, "a second reset", r.Servers.ResetPath(ctx, "ann", "alpha", cfgDir+name), fault.NotFound)
	}
	if a, b := content(t, r, cfgDir+"a.cfg", ""), content(t, r, cfgDir+"b.cfg", ""); a != "top a" || b != "low b" {
		t.Errorf("after the resets: %q, %q", a, b)
	}
	kinds := r.Events("server/alpha")
	for kind, want := range map[string]int{"server.file_written": 2, "server.file_reset": 2} {
		if n := len(slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return k != kind })); n != want {
			t.Errorf("%d events %s, want %d", n, kind, want)
		}
	}
}

// What each start writes anew is shown, without the password, and not to be edited.
func TestGeneratedFiles(t *testing.T) {
	r, s := stacked(t)
	r.Succeed(r.Servers.Start(t.Context(), "ann", "alpha"))
	wait(t, r, "alpha", server.Running)
	text := content(t, r, cfgDir+"server.cfg", "")
	if strings.Contains(text, s.RCONPassword) || !strings.Contains(text, `rcon_password "`+strings.Repeat("*", len(s.RCONPassword))) {
		t.Errorf("server.cfg is shown as %q", text)
	}
	// Copies, too, and however small the pieces are that somebody asks for.
	padded := strings.Repeat("x", 1<<20-10) + s.RCONPassword + "end"
	if err := r.Servers.PutFile(t.Context(), "ann", "alpha", "copy.txt", "", []byte(padded[100:])); err != nil {
		t.Fatal(err)
	}
	file, err := r.Servers.OpenFile(t.Context(), "alpha", "copy.txt", "")
	if err != nil {
		t.Fatal(err)
	}
	at := int64(len(padded) - 100 - len(s.RCONPassword) - 3)
	for offset := at - 3; offset < file.Size; offset++ {
		_, _ = file.Seek(offset, io.SeekStart)
		piece := make([]byte, 5)
		n, err := io.ReadFull(file, piece)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(padded[100:], s.RCONPassword, strings.Repeat("*", len(s.RCONPassword)))[offset:]
		if string(piece[:n]) != want[:min(5, len(want))] {
			t.Fatalf("from byte %d: %q, want %q", offset, piece[:n], want[:min(5, len(want))])
		}
	}
	for _, path := range []string{cfgDir + "server.cfg", "left4dead2/addonlist.txt", cfgDir + "server_top.cfg", "left4dead2/left4me_motd.txt"} {
		wantFault(t, path, r.Servers.PutFile(t.Context(), "ann", "alpha", path, "", []byte("x")), fault.Precondition)
	}
}

// A game that lays links gets nobody to read or write what they lead to.
func TestFilesOfAHostileGame(t *testing.T) {
	r, s := stacked(t)
	r.Succeed(r.Servers.Start(t.Context(), "ann", "alpha"))
	wait(t, r, "alpha", server.Running)
	plan, _ := r.World.Plan(s.ID)
	database := filepath.Join(r.Root, "agent.db")
	err := errors.Join(os.Symlink("/etc/shadow", plan.Tree+"/shadow"), os.Symlink(database, plan.Tree+"/db"),
		os.Symlink(r.Root, plan.Tree+"/dir"), os.Symlink("../../../..", plan.Tree+"/up"), syscall.Mkfifo(plan.Tree+"/pipe", 0o600),
		os.WriteFile(plan.Tree+"/a\nb\u202e.cfg", []byte("odd"), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"shadow", "db", "dir/agent.db", "up/agent.db", "pipe", "dir", "left4dead2"} {
		for _, layer := range []string{"", "server"} {
			if _, err := r.Servers.OpenFile(t.Context(), "alpha", path, layer); !fault.Is(err, fault.Precondition) && !fault.Is(err, fault.NotFound) {
				t.Errorf("%s of layer %q: %v", path, layer, err)
			}
		}
	}
	for _, path := range []string{"..", "../agent.db", "/etc/passwd", "a\x00b", "a/../b", "", ".", strings.Repeat("a/", 65) + "b", strings.Repeat("a", 1025)} {
		_, err := r.Servers.OpenFile(t.Context(), "alpha", path, "")
		wantFault(t, "open "+path, err, fault.Invalid)
		wantFault(t, "put "+path, r.Servers.PutFile(t.Context(), "ann", "alpha", path, "", []byte("x")), fault.Invalid)
		wantFault(t, "reset "+path, r.Servers.ResetPath(t.Context(), "ann", "alpha", path), fault.Invalid)
	}
	before, err := os.ReadFile(database)
	if err != nil || len(before) == 0 {
		t.Fatal(err)
	}
	wantFault(t, "text in place of a link", r.Servers.PutFile(t.Context(), "ann", "alpha", "db", "", []byte("x")), fault.Conflict)
	if err := r.Servers.PutFile(t.Context(), "ann", "alpha", "dir/agent.db", "", []byte("x")); err == nil {
		t.Error("text was written through a link")
	}
	if now, err := os.ReadFile(database); err != nil || !bytes.HasPrefix(now, []byte("SQLite format 3")) {
		t.Error("the database was written to:", err)
	}
	if got := content(t, r, "a\nb\u202e.cfg", ""); got != "odd" {
		t.Errorf("a file with an odd name: %q", got)
	}
	for what, text := range map[string][]byte{"bytes": {0xff, 0xfe}, "a NUL": {'a', 0}, "too much": bytes.Repeat([]byte("x"), server.MaxText+1)} {
		wantFault(t, what, r.Servers.PutFile(t.Context(), "ann", "alpha", "new.txt", "", text), fault.Invalid)
	}
}

func TestCollisionsOfAServer(t *testing.T) {
	r, _ := stacked(t)
	for range 2 { // the second is from memory
		found, err := r.Servers.Collisions(t.Context(), "alpha")
		if err != nil || found.Total != 1 || len(found.List) != 1 || found.Files != 3 {
			t.Fatalf("%+v, %v", found, err)
		}
		c := found.List[0]
		if c.Path != cfgDir+"a.cfg" || c.Winner != (merged.Holder{Layer: "overlay/top", Size: 5}) || !slices.Equal(c.Losers, []merged.Holder{{Layer: "overlay/low", Size: 3}}) {
			t.Errorf("%+v", c)
		}
	}
	// A new revision is another stack.
	r.Overlay("new", map[string]string{cfgDir + "b.cfg": "new"})
	list := []string{"new", "top", "low"}
	if _, err := r.Blueprints.Edit(t.Context(), "ann", "coop", blueprint.Change{Overlays: &list}); err != nil {
		t.Fatal(err)
	}
	if found, err := r.Servers.Collisions(t.Context(), "alpha"); err != nil || found.Total != 2 {
		t.Errorf("%+v, %v", found, err)
	}
}
