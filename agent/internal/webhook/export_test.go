package webhook

import "time"

// Quick is New without the pauses between attempts.
func Quick(private bool) *Sender {
	s := New(private)
	s.pause = time.Millisecond
	return s
}
