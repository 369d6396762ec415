package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/agent/internal/httpapi"
)

// failing returns an API whose host service fails with err.
func failing(t *testing.T, err error) (*httpapi.API, *logged) {
	t.Helper()
	return newAPI(t, func(c *httpapi.Config) {
		c.Services.Host = hostFunc(func(context.Context) (api.Host, error) { return api.Host{}, err })
	})
}

func TestStatusOfCodes(t *testing.T) {
	for code, status := range map[fault.Code]int{
		fault.Invalid: 400, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.NotFound: 404, fault.Conflict: 409,
		fault.Precondition: 409, fault.Canceled: 409, fault.Unavailable: 503, fault.Internal: 500,
	} {
		err := fault.Wrap(errors.New("the cause"), code, "It cannot be.").WithHint("Do that.").WithField("/x").WithSource("plugin:p")
		a, log := failing(t, fmt.Errorf("outer: %w", err))
		got, body, _ := do(t, a, "GET", "/v1/host", "")
		e := failure(t, body)
		if got != status || e.Code != string(code) || strings.Contains(body, "the cause") {
			t.Errorf("%s: %d %+v", code, got, e)
		}
		if code == fault.Internal {
			continue
		}
		if want := (api.Error{Code: string(code), Message: "It cannot be.", Hint: "Do that.", Field: "/x", Source: "plugin:p"}); e != want {
			t.Errorf("%s: %+v", code, e)
		}
		if strings.Contains(log.String(), "the cause") {
			t.Errorf("%s: what a person was told is in the log too: %s", code, log)
		}
	}
}

// TestInternalErrorsTellNothing: the text goes to the log, the person gets a reference that finds it.
func TestInternalErrorsTellNothing(t *testing.T) {
	for name, host := range map[string]hostFunc{
		"error": func(context.Context) (api.Host, error) { return api.Host{}, errors.New("open /var/lib/secret: EIO") },
		"panic": func(context.Context) (api.Host, error) { panic("open /var/lib/secret: EIO") },
		"nil dereference": func(context.Context) (api.Host, error) {
			var secret *api.Host
			return *secret, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, log := newAPI(t, func(c *httpapi.Config) { c.Services.Host = host })
			status, body, header := do(t, a, "GET", "/v1/host", "")
			e := failure(t, body)
			if status != 500 || strings.Contains(body, "secret") || e.Code != "internal" {
				t.Errorf("%d %s", status, body)
			}
			if e.Reference == "" || e.Reference != header.Get(httpapi.RequestHeader) || !strings.Contains(log.String(), "request="+e.Reference) {
				t.Errorf("the reference %q finds nothing: %s", e.Reference, log)
			}
			if status, _, _ := do(t, a, "GET", "/v1/health", ""); status != 200 {
				t.Errorf("the API is broken after it: %d", status)
			}
		})
	}
}

func TestBrokenDocumentIsNoEmptyAnswer(t *testing.T) {
	a, _ := newAPI(t, func(c *httpapi.Config) { c.Services.Plugins = brokenTypes{c.Services.Plugins} })
	status, body, _ := do(t, a, "GET", "/v1/overlay-types", "")
	if status != 500 || !strings.Contains(body, `"code":"internal"`) {
		t.Errorf("%d %s", status, body)
	}
}

type brokenTypes struct{ httpapi.Plugins }

func (brokenTypes) Types(context.Context) ([]api.OverlayType, error) {
	return []api.OverlayType{{Name: "x", Schema: []byte("{")}}, nil
}

func TestAbortedHandlersAbort(t *testing.T) {
	a, _ := newAPI(t, func(c *httpapi.Config) {
		c.Services.Host = hostFunc(func(context.Context) (api.Host, error) { panic(http.ErrAbortHandler) })
	})
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	t.Cleanup(server.Client().CloseIdleConnections)
	r, err := http.NewRequest("GET", server.URL+"/v1/host", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if response, err := server.Client().Do(r); err == nil {
		response.Body.Close()
		t.Errorf("an aborted request was answered: %s", response.Status)
	}
}

func TestRequestsAreLogged(t *testing.T) {
	a, log := newAPI(t, nil)
	do(t, a, "POST", "/v1/blueprints", `{"name":"b"}`)
	do(t, a, "GET", "/v1/blueprints/"+strings.Repeat("x", 5000), "")
	text := log.String()
	if !strings.Contains(text, "level=INFO msg=request") || !strings.Contains(text, "path=/v1/blueprints status=201") || !strings.Contains(text, "level=DEBUG") {
		t.Errorf("log: %s", text)
	}
	if len(text) > 2000 || strings.Contains(text, token) {
		t.Errorf("the log is too long or has the token: %s", text)
	}
}
