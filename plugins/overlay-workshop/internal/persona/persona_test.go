package persona_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/persona"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/transport"
)

const id = "76561198000000001"

func page(inner string) string {
	return `<?xml version="1.0" encoding="UTF-8" standalone="yes"?><profile>` + inner + `</profile>`
}

func TestParse(t *testing.T) {
	for name, c := range map[string]struct{ page, want string }{
		"usual":           {page("<steamID64>" + id + "</steamID64><steamID><![CDATA[Zoë ☢]]></steamID>"), "Zoë ☢"},
		"entities":        {page("<steamID>A &amp; B &lt;b&gt;</steamID>"), "A & B <b>"},
		"no id":           {page("<steamID>Ann</steamID>"), "Ann"},
		"of another":      {page("<steamID64>76561198000000002</steamID64><steamID>Ann</steamID>"), ""},
		"cut off":         {`<profile><steamID64>` + id + `</steamID64><steamID><![CDATA[Ann]]></steamID><onlineSt`, "Ann"},
		"cut in the name": {`<profile><steamID><![CDATA[An`, ""},
		"a group's":       {page("<groups><group><steamID>G</steamID></group></groups>"), ""},
		"error":           {`<response><error><![CDATA[The specified profile could not be found.]]></error></response>`, ""},
		"web page":        {`<!DOCTYPE html><html><head><title>Sign In</title></head><body><p>x<br></body></html>`, ""},
		"nothing":         {"", ""},
		"controls":        {page("<steamID><![CDATA[A\x1b[31m\u202e\x00\nB\u2066]]></steamID>"), "A[31m B"},
		"blank":           {page("<steamID>\u200b \u00a0</steamID>"), ""},
		"not UTF-8":       {page("<steamID>A\xff\xfeB</steamID>"), "A��B"},
		"long":            {page("<steamID>" + strings.Repeat("x", 5000) + "</steamID>"), strings.Repeat("x", 64) + "…"},
		"bomb":            {`<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>` + page("<steamID>&b;</steamID>"), "&b;"},
	} {
		if got, found := persona.Parse([]byte(c.page), id); got != c.want || found != (c.want != "") {
			t.Errorf("%s: %q, %v, want %q", name, got, found, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(page("<steamID64>" + id + "</steamID64><steamID><![CDATA[Zoë]]></steamID>")))
	f.Add([]byte("<profile><steamID>&lt;"))
	f.Fuzz(func(t *testing.T, data []byte) {
		name, found := persona.Parse(data, id)
		if found == (name == "") || !utf8.ValidString(name) || utf8.RuneCountInString(name) > 65 || strings.ContainsAny(name, "\n\r\x1b\x00\u202e\u2028") {
			t.Errorf("%q, %v", name, found)
		}
	})
}

func TestValidID(t *testing.T) {
	for text, want := range map[string]bool{id: true, "": false, "1": false, "7656119800000000x": false, "765611980000000011": false, "103582791429521408": false, "../../etc/passwd0": false} {
		if persona.ValidID(text) != want {
			t.Errorf("%q", text)
		}
	}
}

// client asks a listener; redirects may stay on its host.
func client(t *testing.T, handler http.HandlerFunc) *persona.Client {
	t.Helper()
	listener := httptest.NewServer(handler)
	t.Cleanup(listener.Close)
	base, err := url.Parse(listener.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &persona.Client{Base: base, HTTP: transport.Policy{Loopback: true}.DownloadClient(nil)}
}

func TestName(t *testing.T) {
	good := page("<steamID>Ann</steamID>")
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    string
		err     error
	}{
		"asked for": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/profiles/"+id+"/" && r.URL.RawQuery == "xml=1" && strings.HasPrefix(r.UserAgent(), "left4me") {
				_, _ = w.Write([]byte(good))
			}
		}, "Ann", nil},
		"own address": {func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/profiles/") {
				http.Redirect(w, r, "/id/ann/?xml=1", http.StatusFound)
				return
			}
			_, _ = w.Write([]byte(good))
		}, "Ann", nil},
		"breaks off after the name": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write([]byte(good))
		}, "Ann", nil},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("<profile>"))
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}, "", persona.ErrNone},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://169.254.169.254/", http.StatusFound)
		}, "", transport.ErrRefused},
		"too many": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, "", transport.ErrBusy},
		"gone":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, "", persona.ErrNone},
	} {
		got, err := client(t, c.handler).Name(t.Context(), id)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client(t, func(http.ResponseWriter, *http.Request) {}).Name(ctx, id); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
