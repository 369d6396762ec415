// Command left4me-web is the panel: pages over the HTTP API of one or more agents.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/left4me/left4me/web/internal/ui"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := ui.Command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "left4me-web:", err)
		os.Exit(1)
	}
}
