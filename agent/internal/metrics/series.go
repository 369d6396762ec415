package metrics

import "time"

// point is a pointer to a sample whose figures have places.
type point[T any] interface {
	*T
	at() *time.Time
	figures() []*float64
}

func (s *Sample) at() *time.Time     { return &s.At }
func (s *HostSample) at() *time.Time { return &s.At }

// series is the last hour of samples, and a day of means. Its memory is bounded.
type series[T any, P point[T]] struct {
	fine   ring[T]
	means  ring[T]
	bundle []T // samples of the next mean
}

func (s *series[T, P]) add(sample T) {
	s.fine.add(sample, finePoints)
	s.bundle = append(s.bundle, sample)
	if len(s.bundle) == perCoarse {
		s.means.add(mean[T, P](s.bundle), coarse)
		s.bundle = s.bundle[:0]
	}
}

// mean is the mean of each figure over the samples that know it, at the time of the last.
func mean[T any, P point[T]](samples []T) T {
	var out T
	*P(&out).at() = *P(&samples[len(samples)-1]).at()
	for i, place := range P(&out).figures() {
		sum, known := 0.0, 0
		for k := range samples {
			if value := *P(&samples[k]).figures()[i]; value != Unknown {
				sum += value
				known++
			}
		}
		if *place = Unknown; known > 0 {
			*place = sum / float64(known)
		}
	}
	return out
}

// since returns single points as far back as they go, and means before.
func (s *series[T, P]) since(begin time.Time) []T {
	fine := s.fine.all()
	first := time.Time{}
	if len(fine) > 0 {
		first = *P(&fine[0]).at()
	}
	var out []T
	for _, sample := range s.means.all() {
		if at := *P(&sample).at(); at.Before(first) && !at.Before(begin) {
			out = append(out, sample)
		}
	}
	for _, sample := range fine {
		if !(*P(&sample).at()).Before(begin) {
			out = append(out, sample)
		}
	}
	return out
}

func (s *series[T, P]) last() *T {
	if n := len(s.fine.items); n > 0 {
		return &s.fine.items[(s.fine.next+n-1)%n]
	}
	return nil
}

// ring keeps the newest items. next is where the oldest is once it is full.
type ring[T any] struct {
	items []T
	next  int
}

func (r *ring[T]) add(item T, size int) {
	if len(r.items) < size {
		r.items = append(r.items, item)
		return
	}
	r.items[r.next] = item
	r.next = (r.next + 1) % size
}

// all returns the items, oldest first.
func (r *ring[T]) all() []T {
	return append(append([]T{}, r.items[r.next:]...), r.items[:r.next]...)
}
