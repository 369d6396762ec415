package transport_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/transport"
)

func TestAddress(t *testing.T) {
	steam := transport.Policy{Hosts: transport.SteamHosts()}
	standIn := transport.Policy{Hosts: []string{"files.example.org"}, Loopback: true}
	for _, test := range []struct {
		policy   transport.Policy
		in, want string // "" = refused
	}{
		{steam, "https://cdn.steamusercontent.com/ugc/1/A/", "https://cdn.steamusercontent.com/ugc/1/A/"},
		{steam, "http://cloud-3.steamusercontent.com/ugc/1/A/", "https://cloud-3.steamusercontent.com/ugc/1/A/"},
		{steam, "https://CDN.SteamUserContent.com/x", "https://CDN.SteamUserContent.com/x"},
		{steam, "https://steamusercontent.com.example.org/x", ""},
		{steam, "https://evilsteamusercontent.com/x", ""},
		{steam, "https://example.org/?x=.steamusercontent.com", ""},
		{steam, "http://cdn.steamusercontent.com:80/x", ""},
		{steam, "file:///etc/passwd", ""},
		{steam, "ftp://cdn.steamusercontent.com/x", ""},
		{steam, "https://user:pw@cdn.steamusercontent.com/x", ""},
		{steam, "http://127.0.0.1:8080/x", ""},
		{steam, "https://localhost/x", ""},
		{steam, "//cdn.steamusercontent.com/x", ""},
		{steam, "", ""},
		{steam, "https://cdn.steamusercontent.com\\@127.0.0.1/", ""},
		{standIn, "http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x"},
		{standIn, "http://[::1]:8080/x", "http://[::1]:8080/x"},
		{standIn, "http://localhost:1/x", "http://localhost:1/x"},
		{standIn, "file://127.0.0.1/x", ""},
		{standIn, "http://10.0.0.1/x", ""},
		{standIn, "https://files.example.org/x", "https://files.example.org/x"},
		{standIn, "https://sub.files.example.org/x", ""},
	} {
		got, err := test.policy.Address(test.in)
		switch {
		case test.want == "" && !errors.Is(err, transport.ErrRefused):
			t.Errorf("%q: %v, %v; want it refused", test.in, got, err)
		case test.want != "" && (err != nil || got.String() != test.want):
			t.Errorf("%q: %v, %v; want %q", test.in, got, err, test.want)
		}
	}
}

func TestAPIAddress(t *testing.T) {
	for in, loopback := range map[string]bool{"https://api.steampowered.com": false, "http://127.0.0.1:1": true, "https://steam-mirror.example.org/base": false} {
		if _, err := transport.APIAddress(in, loopback); err != nil {
			t.Errorf("%q: %v", in, err)
		}
	}
	for _, in := range []string{"http://api.steampowered.com", "http://127.0.0.1:1", "api.steampowered.com", "https://x/?key=1", ""} {
		if _, err := transport.APIAddress(in, false); !errors.Is(err, transport.ErrRefused) {
			t.Errorf("%q passed: %v", in, err)
		}
	}
}

// A name that is allowed but resolves to a private address must not be connected to.
func TestConnectionsIntoTheOwnNetworkAreRefused(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	policy := transport.Policy{Hosts: []string{"127.0.0.1"}}
	for _, address := range []string{
		server.URL, "http://[::1]:9/", "http://10.1.2.3/", "http://192.168.1.1/", "http://172.16.0.1/", "http://100.64.0.1/", "http://169.254.169.254/",
		"http://0.0.0.0:9/", "http://[::ffff:127.0.0.1]:9/", "http://[fe80::1]/", "http://[fc00::1]/", "http://[64:ff9b::7f00:1]/", "http://224.0.0.1/",
	} {
		response, err := policy.DownloadClient(nil).Get(address)
		if err == nil {
			_ = response.Body.Close()
		}
		if !errors.Is(err, transport.ErrRefused) {
			t.Errorf("%s: %v, want it refused", address, err)
		}
	}
}

func TestRedirectsAreChecked(t *testing.T) {
	target := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/final" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		http.Redirect(w, r, target, http.StatusFound)
	}))
	defer server.Close()
	client := transport.Policy{Loopback: true}.DownloadClient(nil)
	for place, ok := range map[string]bool{
		"/final": true, "file:///etc/passwd": false, "http://10.0.0.1/": false, "https://example.org/": false, "/loop": false,
	} {
		target = place
		response, err := client.Get(server.URL + "/start")
		if err == nil {
			_ = response.Body.Close()
		}
		if ok != (err == nil) {
			t.Errorf("redirect to %q: %v", place, err)
		}
	}
}

func TestRetryAfterIsObeyedInBothForms(t *testing.T) {
	for _, form := range []string{"seconds", "date"} {
		var times []time.Time
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if times = append(times, time.Now()); len(times) > 1 {
				return
			}
			header := "1"
			if form == "date" {
				header = time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat)
			}
			w.Header().Set("Retry-After", header)
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		client := transport.Client(server.Client(), transport.Patience{Retries: 1, Wait: time.Millisecond, MaxWait: 5 * time.Second})
		response, err := client.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		server.Close()
		if len(times) != 2 || times[1].Sub(times[0]) < 900*time.Millisecond {
			t.Errorf("%s: tried at %v", form, times)
		}
	}
}

func TestBackOffDoublesWithJitterAndEnds(t *testing.T) {
	client := transport.Client(http.DefaultClient, transport.Patience{Retries: 3, Wait: time.Second, MaxWait: 30 * time.Second})
	seen := make(map[time.Duration]bool)
	for attempt, most := range []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second} {
		for range 50 {
			wait := client.Backoff(time.Second, 30*time.Second, attempt, nil)
			if wait < most/4 || wait > most {
				t.Errorf("attempt %d waits %s, want %s to %s", attempt, wait, most/4, most)
			}
			seen[wait] = true
		}
	}
	if len(seen) < 250 {
		t.Errorf("only %d different waits of 300: no jitter", len(seen))
	}
	if wait := client.Backoff(time.Second, 30*time.Second, 1000, nil); wait > 30*time.Second || wait <= 0 {
		t.Errorf("attempt 1000 waits %s", wait)
	}
}

func TestRefusedAddressesAreNotTriedAgain(t *testing.T) {
	tries := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tries++
		http.Redirect(w, r, "http://192.168.0.1/", http.StatusFound)
	}))
	defer server.Close()
	policy := transport.Policy{Loopback: true}
	client := transport.Client(policy.DownloadClient(nil), transport.Patience{Retries: 5, Wait: time.Millisecond, MaxWait: time.Second})
	response, err := client.Get(server.URL)
	if err == nil {
		_ = response.Body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "192.168.0.1") && !errors.Is(err, transport.ErrRefused) || tries != 1 {
		t.Errorf("%d tries, error %v", tries, err)
	}
}

func TestPacerKeepsRequestsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pacer := &transport.Pacer{Interval: 200 * time.Millisecond}
		start := time.Now()
		for i := range 5 {
			if err := pacer.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if at := time.Since(start); at != time.Duration(i)*200*time.Millisecond {
				t.Errorf("request %d at %s", i, at)
			}
		}
	})
}
