package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/left4me/left4me/web/internal/config"
)

func parse(t *testing.T, args ...string) (config.Config, error) {
	t.Helper()
	var c config.Config
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	c.Flags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return c, c.Validate()
}

func TestDefaults(t *testing.T) {
	got, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{Listen: "127.0.0.1:27080", StateDir: config.StateDir, AgentName: "local", AgentSocket: "/run/left4me/agent.sock"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAgentURLReadsItsToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := parse(t, "--agent-url", "https://host:8440", "--agent-token-file", file)
	if err != nil {
		t.Fatal(err)
	}
	if got.AgentToken != "secret" || got.AgentSocket != "" {
		t.Errorf("token %q, socket %q", got.AgentToken, got.AgentSocket)
	}
}

func TestValidateNamesTheFlag(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--listen", "8080"}, "--listen"},
		{[]string{"--agent-name", "../x"}, "--agent-name"},
		{[]string{"--agent-name", ""}, "--agent-name"},
		{[]string{"--agent-url", "https://host"}, "--agent-token-file"},
		{[]string{"--agent-url", "https://host", "--agent-token-file", "/does/not/exist"}, "/does/not/exist"},
	} {
		if _, err := parse(t, tt.args...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v does not name %s", tt.args, err, tt.want)
		}
	}
}
