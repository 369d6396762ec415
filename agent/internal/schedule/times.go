package schedule

import "time"

// NextTimes returns the next times of a cron expression after from, at most n, in its zone. An expression that is empty or
// never comes true, such as February 30th, has none. Invalid: the expression or the zone.
func NextTimes(cron, zone string, from time.Time, n int) ([]time.Time, error) {
	out := []time.Time{}
	if cron == "" {
		return out, nil
	}
	trigger := Trigger{Cron: cron, Zone: zone}
	times, err := trigger.times()
	if err != nil {
		return out, err
	}
	if zone != "" {
		location, err := time.LoadLocation(zone)
		if err != nil {
			return out, err // times has looked already
		}
		from = from.In(location)
	}
	for range n {
		if from = times.Next(from); from.IsZero() {
			break
		}
		out = append(out, from)
	}
	return out, nil
}
