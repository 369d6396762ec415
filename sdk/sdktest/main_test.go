package sdktest_test

import (
	"os"
	"testing"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/builder"
	"github.com/left4me/left4me/sdk/sdktest"
)

// The test binary is also the plugin that its own tests start as a process.
const asPlugin = "LEFT4ME_SDKTEST_PLUGIN"

func TestMain(m *testing.M) {
	switch os.Getenv(asPlugin) {
	case "mounter":
		sdk.Serve(sdktest.NewDirMounter("dir", ""))
		return
	case "builder":
		good := sdktest.NewMemBuilder("mem")
		switch os.Getenv("LEFT4ME_SDKTEST_FAULT") {
		case "lock":
			good.Plugin = builder.Of(good.Base, locking(good))
		case "sit":
			good.Plugin = builder.Of(&hoarder{Base: good.Base, kept: [][]byte{touched(300 << 20)}}, good.Builder)
		case "keep":
			good.Plugin = builder.Of(&hoarder{Base: good.Base, each: 1 << 20}, good.Builder)
		}
		sdk.Serve(good)
		return
	}
	os.Exit(m.Run())
}

// command starts the test binary as a plugin.
func command(kind string) *sdktest.Command {
	return &sdktest.Command{Path: os.Args[0], Env: []string{asPlugin + "=" + kind, "GORACE=atexit_sleep_ms=0"}}
}
