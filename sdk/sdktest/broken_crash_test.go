package sdktest_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// hoarder is a base that holds memory, and keeps some more at each Configure.
type hoarder struct {
	sdk.Base
	mu   sync.Mutex
	each int
	kept [][]byte
}

func (h *hoarder) Configure(ctx context.Context, s sdk.Settings) ([]sdk.Diagnostic, error) {
	h.mu.Lock()
	h.kept = append(h.kept, touched(h.each))
	h.mu.Unlock()
	return h.Base.Configure(ctx, s)
}

// touched is memory that the kernel had to give.
func touched(size int) []byte {
	out := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		out[i] = 1
	}
	return out
}

// brokenByCrashes are mounters that fail around odd names, ends and interruptions.
func brokenByCrashes() map[string]brokenMounter {
	return map[string]brokenMounter{
		"cuts at a colon": {"C65", "a stack with odd names", func(w *twisted) {
			w.mount = func(m *mounter.Mount, _ *bool, _ *error) { m.Path, _, _ = strings.Cut(m.Path, ":") }
		}},
		"tidies up when it is drained": {"C70", "after the mounter's end", func(w *twisted) {
			w.drain = func() {
				mounts, _ := w.Mounter.Mounts(context.Background())
				for _, m := range mounts {
					_, _ = w.Mounter.Unmount(context.Background(), m.Server, true)
				}
			}
		}},
		"never ends what was canceled": {"C76", "Mount after one that was canceled", rememberCanceled},
		"leaves a mount":               {"C77", "it is still in /proc/self/mountinfo", leaveMount},
	}
}

// rememberCanceled makes a mounter that takes its time, and believes for ever that a canceled Mount goes on.
func rememberCanceled(w *twisted) {
	var mu sync.Mutex
	busy := map[string]bool{}
	w.wait = func(ctx context.Context, server string) error {
		mu.Lock()
		defer mu.Unlock()
		if busy[server] {
			return sdk.Errorf(sdk.CodeConflict, "Server %s is being mounted.", server)
		}
		select {
		case <-ctx.Done():
			busy[server] = true
			return ctx.Err()
		case <-time.After(200 * time.Millisecond): // the work that is canceled
			return nil
		}
	}
}

// leaveMount makes a mounter that forgets a mount of its own beside the server's.
func leaveMount(w *twisted) {
	root := ""
	w.mount = func(m *mounter.Mount, _ *bool, err *error) {
		if *err == nil && root == "" {
			root = filepath.Dir(filepath.Dir(filepath.Dir(m.Path)))
			*err = bind(root)
		}
	}
	w.cleanup = func() { unbind(root) }
}
