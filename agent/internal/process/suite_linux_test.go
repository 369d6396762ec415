package process_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/left4me/left4me/agent/internal/process"
	"github.com/left4me/left4me/agent/internal/server/servertest"
)

func TestSuite(t *testing.T) {
	state, trees := t.TempDir(), t.TempDir()
	game := ""
	servertest.Run(t, servertest.Setup{
		Open: func(t testing.TB) servertest.Supervisor {
			s, err := process.New(withPatience(t), options(state))
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		Tree: func(t testing.TB, serverID string, files map[string]string) string {
			dir := filepath.Join(trees, serverID)
			writeTree(t, dir, files)
			return dir
		},
		Alive: func(t testing.TB, serverID string) []int { return alive(t, filepath.Join(trees, serverID)) },
		Game: func(testing.TB) string {
			if game == "" {
				game = demoGame(t)
			}
			return game
		},
	})
}

func writeTree(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		// A file of its own each time: a program that runs cannot be written to.
		if err := os.WriteFile(path+".new", []byte(data), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
}
