package backup_test

import (
	"crypto/sha256"
	"path"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/internal/backup"
)

func sum(text string) [32]byte { return sha256.Sum256([]byte(text)) }

func FuzzLocate(f *testing.F) {
	for _, name := range []string{
		"agent.db", "etc/agent.hcl", "servers/a/upper", "servers/a/upper/b/c", "servers/../upper", "servers/a/upper/../../b", "/etc/x", "etc/..",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		server, below, other, ok := backup.Locate(name)
		if !ok {
			return
		}
		if strings.ContainsAny(server+other, "/\x00") || server == ".." || other == ".." || server+other == "" {
			t.Errorf("%q: server %q, other %q", name, server, other)
		}
		if clean := path.Clean("/" + below); server != "" && clean != "/" && clean != "/"+below {
			t.Errorf("%q: below %q", name, below)
		}
	})
}
