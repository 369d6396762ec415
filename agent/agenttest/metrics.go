package agenttest

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/httpapi"
)

// metricView shows curves that are always the same.
type metricView struct{ *world }

var _ httpapi.Metrics = metricView{}

func (v metricView) Server(_ context.Context, name string, last time.Duration) (api.Series, error) {
	defer v.lock()()
	s, ok := v.servers[name]
	if !ok {
		return api.Series{}, notFound("server", name)
	}
	if s.Live == nil {
		return api.Series{Times: []int64{}, Values: map[string][]*float64{}}, nil
	}
	return curve(last, map[string]float64{"cpu": 40, "memory": 600 << 20, "tasks": 20, "players": 4, "slots": 8, "tick": 30, "in": 4e3, "out": 25e3}), nil
}

func (v metricView) Host(_ context.Context, last time.Duration) (api.Series, error) {
	return curve(last, map[string]float64{"cpu": 25, "load": 1, "memory_used": 3 << 30, "memory_total": 8 << 30, "disk_free": 80 << 30, "disk_total": 200 << 30}), nil
}

// curve is a wave around each height. One point in the middle is unknown.
func curve(last time.Duration, heights map[string]float64) api.Series {
	const points = 60
	out := api.Series{Values: map[string][]*float64{}}
	now := time.Now().Add(-last)
	for i := range points {
		out.Times = append(out.Times, now.Add(last*time.Duration(i+1)/points).Unix())
		for name, height := range heights {
			value := height * (1 + 0.2*math.Sin(float64(i)/5))
			cell := &value
			if i == points/2 {
				cell = nil
			}
			out.Values[name] = append(out.Values[name], cell)
		}
	}
	return out
}

func (v metricView) Exposition() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		fmt.Fprintln(w, `left4me_agent_info{version="0.0.0-test"} 1`)
	})
}
