package webhook_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/webhook"
)

var message = webhook.Message{Host: "h", Time: time.Unix(1, 0).UTC(), Cause: "server.crashed", Server: "alpha", Players: 3, Text: `@everyone "ended"`}

func TestSend(t *testing.T) {
	var bodies []string
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(body))
		w.WriteHeader(http.StatusNoContent)
	}))
	defer receiver.Close()
	sender := webhook.New(true)
	for _, format := range []string{webhook.FormatJSON, webhook.FormatDiscord} {
		if err := sender.Send(t.Context(), receiver.URL+"/secret", format, message); err != nil {
			t.Fatal(err)
		}
	}
	var plain webhook.Message
	if err := json.Unmarshal([]byte(bodies[0]), &plain); err != nil || plain != message {
		t.Errorf("json body = %s (%v)", bodies[0], err)
	}
	var discord struct {
		Content         string
		AllowedMentions struct{ Parse []string } `json:"allowed_mentions"`
	}
	if err := json.Unmarshal([]byte(bodies[1]), &discord); err != nil || discord.AllowedMentions.Parse == nil || !strings.Contains(discord.Content, "alpha") {
		t.Errorf("discord body = %s (%v)", bodies[1], err)
	}
}

// The agent must not become a way into the host and its network.
func TestInsideIsOutOfReach(t *testing.T) {
	var hits atomic.Int32
	inside := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer inside.Close()
	port := inside.URL[strings.LastIndexByte(inside.URL, ':'):]
	sender := webhook.New(false)
	for _, address := range []string{
		inside.URL, "https://localhost" + port, "https://[::1]" + port, "https://[::ffff:127.0.0.1]" + port, "https://0.0.0.0" + port,
		"https://10.0.0.1/", "https://169.254.169.254/latest", "https://[fe80::1]/", "https://[64:ff9b::7f00:1]/", "https://100.64.0.1/",
		"http://example.org/", "file:///etc/passwd", "https://user:word@example.org/", "gopher://x", "https://", "nonsense",
	} {
		if err := sender.Send(t.Context(), address, "", message); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if hits.Load() != 0 {
		t.Errorf("a program on this host was reached %d times", hits.Load())
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	var hits atomic.Int32
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer target.Close()
	receiver := httptest.NewServer(http.RedirectHandler(target.URL, http.StatusTemporaryRedirect))
	defer receiver.Close()
	if err := webhook.New(true).Send(t.Context(), receiver.URL, "", message); !fault.Is(err, fault.Precondition) {
		t.Errorf("redirect: %v", err)
	}
	if hits.Load() != 0 {
		t.Error("it was followed")
	}
}

func TestTroubleIsTriedAgainRefusalIsNot(t *testing.T) {
	for status, want := range map[int]int32{500: 3, 429: 3, 404: 1} {
		var hits atomic.Int32
		receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			hits.Add(1)
			w.WriteHeader(status)
		}))
		err := webhook.Quick(true).Send(t.Context(), receiver.URL+"/token", "", message)
		receiver.Close()
		if err == nil || strings.Contains(err.Error(), "token") || hits.Load() != want {
			t.Errorf("%d: %d requests, want %d; %v", status, hits.Load(), want, err)
		}
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	if err := webhook.Quick(true).Send(t.Context(), gone.URL+"/token", "", message); !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error(), "token") {
		t.Errorf("gone: %v", err)
	}
}
