package sdk_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

// The test binary is also the plugins that its own tests start as processes.
const asPlugin = "LEFT4ME_SDK_PLUGIN"

func TestMain(m *testing.M) {
	switch os.Getenv(asPlugin) {
	case "script":
		sdk.Serve(sdktest.NewMemBuilder("script"))
		return
	case "noisy":
		sdk.Serve(builder.New("noisy", "1.0.0", noisy))
		return
	}
	os.Exit(m.Run())
}

// noisy prints in every way there is, and reports the environment that a child would get.
func noisy(_ context.Context, b *builder.Build[struct{}]) error {
	fmt.Println("stray print")
	fmt.Fprintln(os.Stderr, "stray error")
	child := exec.Command("/bin/sh", "-c", "echo stray child; cat; env")
	child.Stdout, child.Stdin = os.NewFile(1, "stdout"), os.Stdin
	if err := child.Run(); err != nil {
		return err
	}
	sdk.Logger().Info("a log line", "key", "value")
	for _, entry := range os.Environ() {
		if strings.HasPrefix(entry, "PLUGIN_") || strings.HasPrefix(entry, "LEFT4ME_PLUGIN=") {
			b.Logf("%s", entry)
		}
	}
	return b.Dir.WriteFile("f", []byte("x"), 0o644)
}

func command(kind string) sdktest.Command {
	return sdktest.Command{Path: os.Args[0], Env: []string{asPlugin + "=" + kind, "GORACE=atexit_sleep_ms=0"}}
}
