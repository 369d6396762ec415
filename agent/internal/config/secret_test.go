package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/left4me/left4me/agent/internal/config"
)

func TestReadSecret(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		return file
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, file, value, problem string }{
		{"plain", write("plain", "hunter2\n", 0o600), "hunter2", ""},
		{"group", write("group", "hunter2", 0o640), "hunter2", ""},
		{"inner newline", write("two", "a\nb\r\n", 0o400), "a\nb", ""},
		{"world readable", write("world", "hunter2", 0o644), "", "is open to every user of this host (mode 0644)"},
		{"world writable", write("worldw", "hunter2", 0o602), "", "is open to every user of this host (mode 0602)"},
		{"empty", write("empty", "\n", 0o600), "", "is empty"},
		{"large", write("large", strings.Repeat("x", 65<<10), 0o600), "", "is larger than 64 KiB"},
		{"absent", filepath.Join(dir, "absent"), "", "does not exist"},
		{"directory", dir, "", "is not a file"},
		{"fifo", fifo, "", "is not a file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			value, err := config.ReadSecret(test.file)
			if value != test.value {
				t.Errorf("value %q, want %q", value, test.value)
			}
			if (err == nil) != (test.problem == "") || (err != nil && !strings.Contains(err.Error(), test.problem)) {
				t.Errorf("error %v, want %q", err, test.problem)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

func TestReadSecretsReportsAll(t *testing.T) {
	p := config.Plugin{Secrets: []config.Secret{{Name: "a", File: "/absent/a"}, {Name: "b", File: "/absent/b"}}}
	_, err := p.ReadSecrets()
	if len(config.Of(err)) != 2 {
		t.Errorf("got %v", err)
	}
}
