package ui

import (
	"context"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/api"
)

// memo keeps answers for a short while, so that many viewers of a page cost its agent one question. What it keeps
// is the same for everybody who may see it. It is safe for concurrent use.
type memo[T any] struct {
	keep    time.Duration
	mu      sync.Mutex
	answers map[upstream]*kept[T]
}

type kept[T any] struct {
	at    time.Time
	ready chan struct{}
	value T
	err   error
}

// maxKept bounds a memo: what is over is thrown away at this many answers.
const maxKept = 1000

func newMemo[T any](keep time.Duration) *memo[T] {
	return &memo[T]{keep: keep, answers: map[upstream]*kept[T]{}}
}

// get returns the answer for a key, asking for it unless it is young. Who comes meanwhile waits for the same answer.
// Failures are not kept.
func (m *memo[T]) get(ctx context.Context, key upstream, ask func(context.Context) (T, error)) (T, error) {
	m.mu.Lock()
	have := m.answers[key]
	mine := have == nil || time.Since(have.at) > m.keep
	if mine {
		m.sweep()
		have = &kept[T]{at: time.Now(), ready: make(chan struct{})}
		m.answers[key] = have
	}
	m.mu.Unlock()
	if !mine {
		select {
		case <-have.ready:
			return have.value, have.err
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
	}
	// Others may wait for this answer when the one who asked is gone.
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), hostTime)
	defer cancel()
	have.value, have.err = ask(asking)
	if have.err != nil {
		m.mu.Lock()
		if m.answers[key] == have {
			delete(m.answers, key)
		}
		m.mu.Unlock()
	}
	close(have.ready)
	return have.value, have.err
}

func (m *memo[T]) sweep() {
	if len(m.answers) < maxKept {
		return
	}
	for key, have := range m.answers {
		if time.Since(have.at) > m.keep {
			delete(m.answers, key)
		}
	}
}

// memos are what pages ask for again and again.
type memos struct {
	addons  *memo[api.Addons] // by server and layers
	figures *memo[api.Series] // by server and time
}

func newMemos() memos {
	return memos{addons: newMemo[api.Addons](20 * time.Second), figures: newMemo[api.Series](4 * time.Second)}
}
