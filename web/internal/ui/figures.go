package ui

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/web/internal/view"
)

// cardTime is how far back the curves of a dashboard go.
const cardTime = 30 * time.Minute

// atOnce is how many questions about one host a page has open at a time.
const atOnce = 8

// serverSeries returns a server's figures, or none: a page is worth showing without them.
func (p *Panel) serverSeries(r *http.Request, host Host, s api.Server, last time.Duration) api.Series {
	series, _ := p.memos.figures.get(r.Context(), upstream{host.Client, s.ID + "/" + last.String()}, func(ctx context.Context) (api.Series, error) {
		return host.Client.ServerMetrics(ctx, s.Name, last)
	})
	return series
}

func (p *Panel) hostSeries(r *http.Request, host Host) api.Series {
	series, _ := p.memos.figures.get(r.Context(), upstream{agent: host.Client}, func(ctx context.Context) (api.Series, error) {
		return host.Client.HostMetrics(ctx, cardTime)
	})
	return series
}

// cardFigures returns the curves of the servers that run.
func (p *Panel) cardFigures(r *http.Request, host Host, servers []api.Server) map[string][]view.Figure {
	var asking sync.WaitGroup
	var mu sync.Mutex
	out := map[string][]view.Figure{}
	slots := make(chan struct{}, atOnce)
	for _, s := range servers {
		if s.PID == 0 && s.Live == nil {
			continue
		}
		slots <- struct{}{}
		asking.Go(func() {
			defer func() { <-slots }()
			drawn := view.CardFigures(p.serverSeries(r, host, s, cardTime))
			mu.Lock()
			out[s.Name] = drawn
			mu.Unlock()
		})
	}
	asking.Wait()
	return out
}

// rangeOf returns the time that the address asks to see.
func rangeOf(r *http.Request) (string, time.Duration) {
	for _, known := range view.Ranges {
		if known.Name == r.URL.Query().Get("last") {
			return known.Name, known.Last
		}
	}
	return view.Ranges[0].Name, view.Ranges[0].Last
}
