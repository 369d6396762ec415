package sdktest_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/left4me/left4me/sdk/sdktest"
)

// A plugin that logs for ever fills no memory of who checks it, and its last words are kept: they say why it ended.
func TestLogIsBounded(t *testing.T) {
	if got := sdktest.Logged([]byte("a"), []byte("b\n")); got != "ab\n" {
		t.Errorf("a short log is %q", got)
	}
	pieces := make([][]byte, 0, 100)
	for range 99 {
		pieces = append(pieces, bytes.Repeat([]byte("x"), 1<<20))
	}
	got := sdktest.Logged(append(pieces, []byte("the end"))...)
	if len(got) != 4<<20 || !strings.HasSuffix(got, "xthe end") {
		t.Errorf("of 99 MiB %d bytes are kept, with the end %q", len(got), got[max(0, len(got)-20):])
	}
}
