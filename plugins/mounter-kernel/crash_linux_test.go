package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/mounttest"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
	"github.com/left4me/left4me/sdk/sdktest"
)

// files is content: text by path.
type files map[string]string

// walk does random things to a mounter that is killed now and then, and knows what must be true.
type walk struct {
	t    *testing.T
	rand *rand.Rand
	root string
	p    *sdktest.Process
	m    mounter.Mounter

	sets    map[mounter.Layer]files // revisions that are there
	maybe   map[mounter.Layer]files // that a killed commit or removal may have left, or not
	builds  map[string]build
	servers map[string]*server
	next    int
	kills   int
	done    map[string]int
}

type build struct {
	base mounter.Layer
	want files
}

// server is what is known of a server: lowers nil when not mounted. unsure after a kill.
type server struct {
	lowers []mounter.Layer
	own    files
	unsure bool
}

const overlays = 3

// TestRandomStepsWithKills: whatever moment the mounter dies at, what it had said is true, what it had
// not said is either done or not, and nothing is left lying about.
func TestRandomStepsWithKills(t *testing.T) {
	steps := 1000
	if testing.Short() {
		steps = 150
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := &walk{
		t: t, rand: rand.New(rand.NewPCG(seed, 1)), root: content(t),
		sets: map[mounter.Layer]files{}, maybe: map[mounter.Layer]files{}, builds: map[string]build{},
		servers: map[string]*server{}, done: map[string]int{},
	}
	w.start()
	for range steps {
		w.step()
		if t.Failed() {
			return
		}
	}
	w.restart()
	w.check()
	t.Logf("%d kills, steps that succeeded: %v", w.kills, w.done)
	for _, name := range []string{"stage", "commit", "discard", "mount", "unmount", "remove", "write"} {
		if w.done[name] == 0 {
			t.Errorf("no %s ever succeeded", name)
		}
	}
}

func (w *walk) start() {
	w.p = sdktest.Start(w.t, *command(), sdk.KindMounter)
	sdktest.Configure(w.t, w.p.Conn, w.settings())
	w.m = mounter.NewClient(w.p.Conn)
}

// settings has three users where there are several, so that bases are attached with exchanged owners.
func (w *walk) settings() sdk.Settings {
	if mounttest.InUserNamespace() {
		return sdk.Settings{JSON: settings(filepath.Dir(w.root))}
	}
	return threeUsers(w.root)
}

func (w *walk) restart() {
	w.p.Kill()
	w.start()
}

// step does one thing. In one of four, the process is killed some time after the call began.
func (w *walk) step() {
	steps := []struct {
		name string
		do   func(context.Context) (undo func(ok bool), err error)
	}{
		{"stage", w.stage}, {"commit", w.commit}, {"commit", w.commit}, {"discard", w.discard}, {"mount", w.mount},
		{"unmount", w.unmount}, {"remove", w.remove}, {"write", w.write}, {"stage", w.stage},
	}
	s := steps[w.rand.IntN(len(steps))]
	kill := w.rand.IntN(4) == 0
	ended := make(chan struct{})
	if kill {
		p, after := w.p, time.Duration(w.rand.IntN(12_000))*time.Microsecond
		go func() {
			time.Sleep(after) // the moment is the point of the test
			p.Kill()
			close(ended)
		}()
	}
	settle, err := s.do(w.t.Context())
	if kill {
		<-ended
		w.kills++
		w.start()
	}
	if settle == nil {
		return
	}
	switch {
	case err == nil:
		w.done[s.name]++
	case !kill:
		w.t.Errorf("%s: %v", s.name, err)
	}
	settle(err == nil)
	if kill {
		w.check()
	}
}

func (w *walk) id(kind string) string {
	w.next++
	return fmt.Sprintf("%s%d", kind, w.next)
}

func pick[K comparable, V any](w *walk, m map[K]V, order func(a, b K) int) (key K, ok bool) {
	if len(m) == 0 {
		return key, false
	}
	keys := slices.SortedFunc(maps.Keys(m), order)
	return keys[w.rand.IntN(len(keys))], true
}

func byName(a, b mounter.Layer) int { return strings.Compare(a.String(), b.String()) }
