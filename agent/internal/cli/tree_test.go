package cli_test

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/left4me/left4me/agent/internal/cli"
)

// TestEveryCommandExplainsItself: a sentence, no stutter, and the exit statuses.
func TestEveryCommandExplainsItself(t *testing.T) {
	seen := 0
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		seen++
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") || strings.ToUpper(cmd.Short[:1]) != cmd.Short[:1] {
			t.Errorf("%s: short help %q", cmd.CommandPath(), cmd.Short)
		}
		if cmd.Long != "" && strings.TrimSpace(cmd.Long) != cmd.Long {
			t.Errorf("%s: blanks around the long help", cmd.CommandPath())
		}
		if !strings.Contains(cmd.UsageString(), cli.ExitStatuses) {
			t.Errorf("%s: no exit statuses", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			if !strings.HasPrefix(line, "  left4me ") {
				t.Errorf("%s: example %q", cmd.CommandPath(), line)
			}
		}
		for _, child := range cmd.Commands() {
			walk(child)
		}
	}
	walk(cli.Root())
	if seen < 50 {
		t.Errorf("only %d commands", seen)
	}
}
