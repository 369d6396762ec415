package hostrig_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/left4me/left4me/test/hostrig"
)

// shared is the host of all tests that do not need one of their own.
var shared = hostrig.NewShared(hostrig.Options{})

func TestMain(m *testing.M) {
	code := m.Run()
	if err := shared.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "end the host:", err)
		code = 1
	}
	os.Exit(code)
}
