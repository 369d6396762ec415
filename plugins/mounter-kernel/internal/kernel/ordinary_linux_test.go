package kernel_test

import (
	"testing"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/mounttest"
)

// Everything but what needs several users works without root, in a user namespace.
func TestInUserNamespace(t *testing.T) {
	mounttest.AsOrdinaryUser(t, "^Test([A-HJ-Z]|I[a-mo-z])")
}
