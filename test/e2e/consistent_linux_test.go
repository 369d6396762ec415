package e2e_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "modernc.org/sqlite" // read here without the agent's own code

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/client"
)

// keptRevisions is how many revisions besides the present one an overlay keeps at least, if it had so many.
const keptRevisions = 3

// history is what earlier looks saw: a revision never changes, and only vanishes when it may.
type history struct {
	hashes map[string]string // by overlay/revision
}

func newHistory() history { return history{hashes: map[string]string{}} }

// snapshot is the database and the disk at a moment when no job is under way.
type snapshot struct {
	present map[string]string          // revision by overlay
	rows    map[string]map[string]bool // overlay: revision: pinned
	servers map[string]row
	jobs    int // not over
}

type row struct {
	name   string
	intent string
	layers []layer
}

type layer struct{ Overlay, Revision, Release string }

func (l layer) path() string {
	if l.Release != "" {
		return "installations/" + l.Release
	}
	return "overlays/" + l.Overlay + "/" + l.Revision
}

// consistent lets the agent clean up as it does every day, waits until everything agrees, and fails if it never does.
func (w *walk) consistent() {
	w.t.Helper()
	w.sweep()
	deadline := time.Now().Add(90 * time.Second)
	for again := time.Now().Add(5 * time.Second); ; {
		complaint := w.look()
		if complaint == "" {
			return
		}
		if now := time.Now(); now.After(deadline) {
			jobs, _ := try(w.state, "job", "list")
			w.t.Fatalf("step %d: %s\n%s", w.step, complaint, jobs)
		} else if now.After(again) && strings.Contains(complaint, "content") {
			w.sweep() // what a server held that has ended since
			again = now.Add(5 * time.Second)
		}
		time.Sleep(30 * time.Millisecond)
	}
}

func (w *walk) sweep() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	eventually(w.t, "the agent can sweep", func() bool {
		swept, err := w.client.SweepContent(ctx)
		if err == nil {
			swept, err = w.client.WaitJob(ctx, swept.ID, nil)
		}
		return err == nil && swept.Status == "succeeded"
	})
}

// look compares once and says what does not agree, or "".
func (w *walk) look() string {
	s, err := w.read()
	switch {
	case err != nil:
		return err.Error()
	case s.jobs > 0:
		return fmt.Sprintf("%d jobs are under way", s.jobs)
	}
	for _, check := range []func(snapshot) string{w.mountsAgree, w.diskAgrees, w.nothingIsLeft} {
		if complaint := check(s); complaint != "" {
			return complaint
		}
	}
	w.revisionsAgree(s)
	return ""
}

// read takes the snapshot from the database file.
func (w *walk) read() (snapshot, error) {
	s := snapshot{present: map[string]string{}, rows: map[string]map[string]bool{}, servers: map[string]row{}}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.state, "agent.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		return s, err
	}
	defer db.Close()
	tx, err := db.BeginTx(w.t.Context(), nil) // one view of everything
	if err != nil {
		return s, err
	}
	defer func() { _ = tx.Rollback() }()
	if err := tx.QueryRow("SELECT count(*) FROM jobs WHERE finished_at IS NULL").Scan(&s.jobs); err != nil {
		return s, err
	}
	if err := each(tx, "SELECT id, revision, '', '' FROM overlays", func(id, revision, _, _ string) error {
		s.present[id], s.rows[id] = revision, map[string]bool{}
		return nil
	}); err != nil {
		return s, err
	}
	if err := each(tx, "SELECT overlay_id, id, pinned, '' FROM revisions", func(overlay, id, pinned, _ string) error {
		s.rows[overlay][id] = pinned == "1"
		return nil
	}); err != nil {
		return s, err
	}
	err = each(tx, "SELECT id, name, intent, coalesce(layers, '[]') FROM servers", func(id, name, intent, layers string) error {
		r := row{name: name, intent: intent}
		err := json.Unmarshal([]byte(layers), &r.layers)
		s.servers[id] = r
		return err
	})
	return s, err
}

func each(tx *sql.Tx, query string, take func(a, b, c, d string) error) error {
	rows, err := tx.Query(query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var a, b, c, d string
		if err := rows.Scan(&a, &b, &c, &d); err != nil {
			return err
		}
		if err := take(a, b, c, d); err != nil {
			return err
		}
	}
	return rows.Err()
}

// mountsAgree compares each server's state with the kernel's table: what runs has the layers of its row, in
// order, and what does not run has no mount.
func (w *walk) mountsAgree(s snapshot) string {
	found := map[string][]string{}
	for _, line := range mounts(w.t, w.state) {
		head, tail, _ := strings.Cut(line, " - ")
		if !strings.Contains(head, w.state) {
			continue // of another test
		}
		fields := strings.Fields(head)
		id, isServer := strings.CutPrefix(fields[4], filepath.Join(w.state, "content", "servers")+"/")
		if !isServer || !strings.HasSuffix(id, "/tree") || found[strings.TrimSuffix(id, "/tree")] != nil {
			return "something is mounted that should not be, or twice: " + head
		}
		var lowers []string
		for option := range strings.SplitSeq(tail, ",") {
			if path, is := strings.CutPrefix(option, "lowerdir+="); is {
				lowers = append(lowers, strings.TrimPrefix(path, filepath.Join(w.state, "content")+"/"))
			}
		}
		found[strings.TrimSuffix(id, "/tree")] = lowers
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	for id, r := range s.servers {
		view, err := w.client.Server(ctx, r.name)
		if err != nil {
			return err.Error()
		}
		lowers, mounted := found[id]
		delete(found, id)
		if complaint := w.serverAgrees(ctx, r, view, lowers, mounted); complaint != "" {
			return complaint
		}
	}
	if len(found) > 0 {
		return fmt.Sprint("trees of servers that nobody knows: ", slices.Collect(maps.Keys(found)))
	}
	return ""
}

func (w *walk) serverAgrees(ctx context.Context, r row, view api.Server, lowers []string, mounted bool) string {
	running := view.State == "running"
	game := false
	for _, line := range w.processes() {
		game = game || strings.Contains(line, "srcds_linux") && strings.Contains(line, fmt.Sprint(view.Port))
	}
	switch {
	case running != mounted || running != game:
		return fmt.Sprintf("server %s is %s, mounted %t, has a game %t", r.name, view.State, mounted, game)
	case running != (r.intent == "running") && !w.wasCut(ctx, view):
		return fmt.Sprintf("server %s should be %s and is %s (%s)", r.name, r.intent, view.State, view.Reason)
	case !mounted:
		return ""
	}
	var want []string
	for _, l := range r.layers {
		want = append(want, l.path())
	}
	if !slices.Equal(lowers, want) {
		w.t.Errorf("step %d: server %s is mounted on %v, its row says %v", w.step, r.name, lowers, want)
	}
	return ""
}

// wasCut: a start or stop that a person canceled, or that failed with a reason, leaves the wish and not the deed.
func (w *walk) wasCut(ctx context.Context, view api.Server) bool {
	if view.State == "crashed" && view.Reason != "" {
		return true
	}
	jobs, err := w.client.Jobs(ctx, client.JobFilter{Subject: "server/" + view.Name, Limit: 10})
	for _, job := range jobs {
		if job.Kind != "server.release" { // the system's
			return err == nil && (job.Status == "canceled" || job.Status == "failed")
		}
	}
	return false
}

// diskAgrees compares the rows with the directories, both ways. A sweep that was killed while it removed a revision
// that a server still runs with has taken the row away; the content goes with the first sweep after that.
func (w *walk) diskAgrees(s snapshot) string {
	want := map[string]bool{}
	for overlay, revisions := range s.rows {
		for id := range revisions {
			want[overlay+"/"+id] = true
		}
	}
	got := map[string]bool{}
	dirs, err := filepath.Glob(filepath.Join(w.state, "content", "overlays", "*", "[^.]*"))
	if err != nil {
		return err.Error()
	}
	for _, dir := range dirs {
		got[filepath.Base(filepath.Dir(dir))+"/"+filepath.Base(dir)] = true
	}
	for name := range w.held(s) {
		if got[name] {
			want[name] = true
		}
	}
	both := func(name string, _ bool) bool { return want[name] && got[name] }
	if !maps.Equal(want, got) {
		onlyWant, onlyGot := maps.Clone(want), maps.Clone(got)
		maps.DeleteFunc(onlyWant, both)
		maps.DeleteFunc(onlyGot, both)
		return fmt.Sprintf("content: revisions only in the database: %v, only on disk: %v", slices.Collect(maps.Keys(onlyWant)), slices.Collect(maps.Keys(onlyGot)))
	}
	return ""
}

// held lists the revisions, as overlay/revision, that a server is mounted on.
func (w *walk) held(s snapshot) map[string]bool {
	mounted := strings.Join(mounts(w.t, w.state), "\n")
	out := map[string]bool{}
	for id, server := range s.servers {
		if !strings.Contains(mounted, "/servers/"+id+"/tree ") {
			continue
		}
		for _, l := range server.layers {
			out[l.Overlay+"/"+l.Revision] = true
		}
	}
	return out
}

// nothingIsLeft looks for staging trees, half-made and half-removed content, and records without content.
func (w *walk) nothingIsLeft(s snapshot) string {
	for _, pattern := range []string{"builds/[^.]*", "builds/.gone-*", "overlays/*/.new-*", "overlays/*/.gone-*", "installations/.new-*", "servers/.gone-*", "servers/*/.gone-*"} {
		if left, _ := filepath.Glob(filepath.Join(w.state, "content", pattern)); len(left) > 0 {
			return fmt.Sprint("left: ", left)
		}
	}
	held := w.held(s)
	records, _ := filepath.Glob(filepath.Join(w.state, "content", "overlays/*/.rev-*.json"))
	for _, path := range records {
		overlay := filepath.Base(filepath.Dir(path))
		id := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), ".rev-"), ".json")
		if _, known := s.rows[overlay][id]; !known && !held[overlay+"/"+id] {
			return "a record without content: " + path
		}
	}
	servers, _ := filepath.Glob(filepath.Join(w.state, "content", "servers", "[^.]*"))
	for _, dir := range servers {
		if _, known := s.servers[filepath.Base(dir)]; !known {
			return "a server that nobody knows: " + dir
		}
	}
	return ""
}

// revisionsAgree looks into every revision. What is wrong here does not mend itself, so it fails at once.
func (w *walk) revisionsAgree(s snapshot) {
	w.t.Helper()
	for overlay, revisions := range s.rows {
		if present := s.present[overlay]; present != "" {
			if _, there := revisions[present]; !there {
				w.t.Errorf("step %d: the present revision %s of %s is gone", w.step, present, overlay)
			}
		}
		seen := 0
		for name := range w.history.hashes {
			if strings.HasPrefix(name, overlay+"/") {
				seen++
			}
		}
		if len(revisions) < min(seen, keptRevisions+1) {
			w.t.Errorf("step %d: overlay %s has %d revisions left of %d", w.step, overlay, len(revisions), seen)
		}
		for id := range revisions {
			w.intact(overlay + "/" + id)
		}
	}
	w.pinsAgree(s)
}

// pinsAgree: a pinned revision is never removed.
func (w *walk) pinsAgree(s snapshot) {
	w.t.Helper()
	for name := range w.history.hashes {
		pinned, was := strings.CutPrefix(w.history.hashes[name], "pinned ")
		overlay, id, _ := strings.Cut(name, "/")
		now, there := s.rows[overlay][id]
		if was && !there && !w.unpinned(id) {
			w.t.Errorf("step %d: the pinned revision %s is gone", w.step, name)
		}
		if was {
			w.history.hashes[name] = pinned
		}
		if now {
			w.history.hashes[name] = "pinned " + strings.TrimPrefix(w.history.hashes[name], "pinned ")
		}
	}
}

// unpinned reports whether a person let go of a revision, by the events.
func (w *walk) unpinned(id string) bool {
	events, err := try(w.state, "event", "list", "--limit", "1000", "--format", "json")
	return err == nil && strings.Contains(events, "Unpinned revision "+id)
}

// intact compares a revision with what it was when it was first seen, and finds half a build.
func (w *walk) intact(name string) {
	w.t.Helper()
	dir := filepath.Join(w.state, "content", "overlays", name)
	hash, err := hashTree(dir)
	if err != nil {
		w.t.Errorf("step %d: %v", w.step, err)
		return
	}
	before, seen := w.history.hashes[name]
	if !seen {
		w.history.hashes[name] = hash
		w.whole(dir)
	} else if before = strings.TrimPrefix(before, "pinned "); before != hash {
		w.t.Errorf("step %d: revision %s changed from %s to %s", w.step, name, before, hash)
	}
}

// whole fails unless all files of a walk's revision are by the same script.
func (w *walk) whole(dir string) {
	w.t.Helper()
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, "left4dead2", "walk", name))
		if err != nil {
			return err.Error()
		}
		return strings.TrimSpace(string(data))
	}
	version := read("file1")
	if _, err := os.Stat(filepath.Join(dir, "left4dead2", "walk")); os.IsNotExist(err) {
		return // of the world's first script
	}
	for _, name := range []string{"file2", "file3", "file4", "file5", "file6", "only-" + version} {
		if got := read(name); got != version {
			w.t.Errorf("step %d: %s is half a build: file1 has %s, %s has %s", w.step, dir, version, name, got)
		}
	}
	lines := strings.Fields(read("history"))
	if len(lines) == 0 || lines[len(lines)-1] != version {
		w.t.Errorf("step %d: the history of %s ends %v, want %s", w.step, dir, lines, version)
	}
}

func hashTree(dir string) (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %v\n", strings.TrimPrefix(path, dir), info.Mode())
		if !info.Mode().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(path)
		sum.Write(data)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)[:8]), err
}
