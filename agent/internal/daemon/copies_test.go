package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/left4me/left4me/agent/internal/config"
	"github.com/left4me/left4me/agent/internal/sqlite"
)

func TestCopiesOfTheDatabase(t *testing.T) {
	state := t.TempDir()
	db, err := sqlite.Open(t.Context(), filepath.Join(state, "agent.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	a := &Agent{config: &config.Config{StateDir: state}, db: db}
	dir := filepath.Join(state, "backups")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("agent-2020010%d.db", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, other := range []string{"agent-x.db.part", "keep-me.txt"} {
		if err := os.WriteFile(filepath.Join(dir, other), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.copyDatabase(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(left) != copiesKept+1 {
		t.Errorf("left: %v", left)
	}
	newest := left[copiesKept-1]
	if info, err := os.Stat(newest); err != nil || info.Mode().Perm() != 0o600 || info.Size() == 0 {
		t.Errorf("%s: %v %v", newest, info, err)
	}
	copied, err := sqlite.Open(t.Context(), newest)
	if err != nil {
		t.Fatalf("the copy cannot be opened: %v", err)
	}
	_ = copied.Close()
}
