package main

import (
	"encoding/json"
	"os"
	"strconv"
	"testing"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/config"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/idmap"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/kernel"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/mounttest"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
	"github.com/left4me/left4me/sdk/sdktest"
)

// asPlugin makes the test binary the plugin itself.
const asPlugin = "LEFT4ME_TEST_PLUGIN"

func TestMain(m *testing.M) {
	idmap.RunChild()
	if os.Getenv(asPlugin) != "" {
		main()
		return
	}
	mounttest.Main(m)
}

// command starts the test binary as the plugin. The file itself may be out of an ordinary user's reach.
func command(args ...string) *sdktest.Command {
	return &sdktest.Command{Path: "/proc/self/exe", Args: args, Env: []string{asPlugin + "=1", "GORACE=atexit_sleep_ms=0"}}
}

// settings gives one user for all: the suite works as root.
func settings(dir string) json.RawMessage {
	return json.RawMessage(`{"root":` + strconv.Quote(dir+"/content") + `}`)
}

func TestConforms(t *testing.T) {
	sdktest.RunMounter(t, sdktest.MounterSpec{Subject: sdktest.Subject{
		New: func(string) sdk.Plugin {
			health := &sdk.HealthReporter{}
			m := kernel.New(config.Settings{}, sdk.Logger(), health)
			return mounter.New(info(), m, m.Configure, health)
		},
		Command:  command(),
		Settings: settings,
	}})
}

func TestConformsInUserNamespace(t *testing.T) { mounttest.AsOrdinaryUser(t, "^TestConforms$") }
