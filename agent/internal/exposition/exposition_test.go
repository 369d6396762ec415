package exposition_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/exposition"
	"github.com/left4me/left4me/agent/internal/metrics"
	"github.com/left4me/left4me/agent/internal/server"
)

func scrape(t *testing.T, from exposition.Sources) string {
	t.Helper()
	answer := httptest.NewRecorder()
	exposition.Handler(from).ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), "GET", "/v1/metrics", nil))
	if answer.Code != 200 {
		t.Fatalf("%d: %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

func sources() exposition.Sources {
	return exposition.Sources{
		Recorder: metrics.New(metrics.Options{}),
		Servers: func(context.Context) ([]server.Observed, error) {
			return []server.Observed{{Server: server.Server{ID: "1", Name: "alpha"}, State: server.Running, Live: &server.Live{Players: 3, MaxPlayers: 8},
				Unit: server.UnitStatus{State: server.UnitActive, StartedAt: time.Unix(1000, 0)}}, {Server: server.Server{ID: "2", Name: "beta"}, State: server.Crashed}}, nil
		},
		Jobs:    func(context.Context) (map[string]int, error) { return map[string]int{"running": 2}, nil },
		Plugins: func() map[string]bool { return map[string]bool{"mounter-kernel": true, "overlay-script": false} },
		Version: "1.2.3",
	}
}

func TestScrape(t *testing.T) {
	text := scrape(t, sources())
	for _, line := range []string{
		`left4me_agent_info{version="1.2.3"} 1`, `left4me_server_up{server="alpha"} 1`, `left4me_server_up{server="beta"} 0`,
		`left4me_server_state{server="beta",state="crashed"} 1`, `left4me_server_players{server="alpha"} 3`,
		`left4me_server_start_time_seconds{server="alpha"} 1000`, `left4me_jobs{status="running"} 2`,
		`left4me_plugin_up{plugin="overlay-script"} 0`, `left4me_scrape_failed 0`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if strings.Contains(text, `left4me_server_players{server="beta"}`) || strings.Contains(text, "} -") {
		t.Error("what nobody could tell must be left out")
	}
}

func TestScrapeOfABrokenStoreSaysSo(t *testing.T) {
	from := sources()
	from.Servers = func(context.Context) ([]server.Observed, error) { return nil, errors.New("disk is full") }
	text := scrape(t, from)
	if !strings.Contains(text, "left4me_scrape_failed 1\n") || !strings.Contains(text, `left4me_agent_info`) {
		t.Errorf("scrape = %s", text)
	}
}
