package bubblewrap_test

import (
	"os"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-script/internal/bubblewrap"
)

func TestMain(m *testing.M) {
	bubblewrap.MaybeChild()
	os.Exit(m.Run())
}
