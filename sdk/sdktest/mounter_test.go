package sdktest_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/sdktest"
)

func TestDirMounterConforms(t *testing.T) {
	sdktest.RunMounter(t, sdktest.MounterSpec{Subject: sdktest.Subject{
		New:     func(string) sdk.Plugin { return sdktest.NewDirMounter("dir", "") },
		Command: command("mounter"),
		Settings: func(dir string) json.RawMessage {
			return json.RawMessage(fmt.Sprintf(`{"root": %q}`, dir+"/content"))
		},
	}})
}
