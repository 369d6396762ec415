package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A plugin that the agent gives up is told by webhook, each time once.
func TestAlarmWhenAPluginIsDownForGood(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount")
	}
	type message struct{ Cause, Text string }
	told := make(chan message, 16)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		told <- m
	}))
	defer receiver.Close()
	w := newWorldFrom(t, 27360, func(w *world) string {
		return fmt.Sprintf(`
installation {
  source = "directory"
  path   = %q
}
webhooks { private = true }
plugin "overlay-broken" {
  kind = "builder"
  launch {
    mode    = "exec"
    command = ["%s/demo-game", "--version"]
    user    = "64001"
    group   = "64001"
  }
}
`, filepath.Join(w.state, "game"), bin)
	})
	failed := func() int {
		return strings.Count(cli(t, w.state, "event", "list", "--subject", "plugin/overlay-broken"), "plugin.failed")
	}
	eventually(t, "the broken plugin is given up", func() bool { return failed() == 1 })
	cli(t, w.state, "schedule", "create", "alarm", "--on", "plugin.failed", "--do", "webhook="+receiver.URL)
	_, _ = try(w.state, "plugin", "restart", "overlay-broken")
	eventually(t, "it is given up again", func() bool { return failed() == 2 })
	if m := <-told; m.Cause != "plugin.failed" || !strings.Contains(m.Text, "overlay-broken") {
		t.Errorf("told %+v", m)
	}
	if n := failed(); n != 2 || len(told) != 0 {
		t.Errorf("%d events, %d more calls", n, len(told))
	}
}
