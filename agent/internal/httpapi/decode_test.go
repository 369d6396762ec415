package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/left4me/left4me/agent/internal/id"
)

func TestBadBodies(t *testing.T) {
	a, _ := newAPI(t, nil)
	for _, c := range []struct {
		name, path, body string
		headers          []string
		status           int
		message, field   string
	}{
		{"unknown field", "/v1/servers", `{"name":"a","blueprint":"b","prot":1}`, nil, 400, `There is no field "prot" here.`, "/prot"},
		{"unknown deep field", "/v1/blueprints", `{"name":"a","settings":{"mapp":"x"}}`, nil, 400, `There is no field "settings.mapp" here.`, "/settings/mapp"},
		{"other case", "/v1/servers", `{"Name":"a","blueprint":"b"}`, nil, 400, "", ""},
		{"wrong type", "/v1/servers", `{"name":"a","blueprint":"b","port":"1"}`, nil, 400, `The field "port" does not fit: expected integer.`, "/port"},
		{"fraction", "/v1/servers", `{"name":"a","blueprint":"b","port":1.5}`, nil, 400, "", ""},
		{"huge number", "/v1/servers", `{"name":"a","blueprint":"b","port":1e300}`, nil, 400, "", ""},
		{"wrong element", "/v1/blueprints", `{"name":"a","overlays":["x",2]}`, nil, 400, `The field "overlays[1]" does not fit: expected string.`, "/overlays/1"},
		{"missing field", "/v1/servers", `{"name":"a"}`, nil, 400, "", ""},
		{"nothing at all", "/v1/servers", ``, nil, 400, "", ""},
		{"null", "/v1/servers", `null`, nil, 400, "", ""},
		{"a list", "/v1/servers", `[]`, nil, 400, "", ""},
		{"no JSON", "/v1/servers", `{"name":`, nil, 400, "The request is not valid JSON: unexpected end of JSON input.", ""},
		{"two values", "/v1/servers", `{"name":"a","blueprint":"b"} {}`, nil, 400, "", ""},
		{"too large", "/v1/overlays", `{"name":"a","type":"` + strings.Repeat("x", 1<<20) + `"}`, nil, 413, "The request is larger than 1 MiB.", ""},
		{"form", "/v1/servers", `name=a`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "The request is not declared as JSON.", "Content-Type"},
		{"no type", "/v1/servers", `{}`, []string{"Content-Type", ""}, 415, "", "Content-Type"},
		{"body where none is", "/v1/servers/a/start", `{"x":1}`, nil, 400, "This request takes no body.", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body, _ := do(t, a, "POST", c.path, c.body, c.headers...)
			e := failure(t, body)
			if status != c.status || c.message != "" && e.Message != c.message || c.field != "" && e.Field != c.field || e.Code != "invalid" {
				t.Errorf("%d %+v", status, e)
			}
		})
	}
	if _, list, _ := do(t, a, "GET", "/v1/servers", ""); strings.TrimSpace(list) != "[]" {
		t.Errorf("a refused request changed something: %s", list)
	}
}

func TestGoodBodies(t *testing.T) {
	a, _ := newAPI(t, nil)
	for _, c := range []struct {
		path, body string
		status     int
		headers    []string
	}{
		{"/v1/blueprints", `{"name":"b"}`, 201, []string{"Content-Type", "application/json; charset=utf-8"}},
		{"/v1/overlays", `{"name":"o","type":"overlay-workshop","settings":{"items":["1"]}}`, 201, nil},
		{"/v1/overlays/o/build", ``, 202, []string{"Content-Type", ""}},
		{"/v1/servers", ` {"name":"s","blueprint":"b","port":27020} `, 201, nil},
		{"/v1/servers/s/start", `{}`, 202, nil},
		{"/v1/servers/s/kill", ``, 202, nil},
	} {
		if status, body, _ := do(t, a, "POST", c.path, c.body, c.headers...); status != c.status {
			t.Errorf("%s %s: %d %s", c.path, c.body, status, body)
		}
	}
	_, body, _ := do(t, a, "GET", "/v1/overlays/o", "")
	if strings.Contains(body, "null") || !strings.Contains(body, `"used_by":[]`) {
		t.Errorf("lists must be [], never null: %s", body)
	}
}

func TestBadTargets(t *testing.T) {
	a, _ := newAPI(t, nil)
	long := strings.Repeat("a", 300)
	for path, want := range map[string]int{
		"/v1/servers/..%2F..%2Fetc%2Fpasswd":     400,
		"/v1/servers/%2E%2E":                     400,
		"/v1/servers/..":                         400,
		"/v1/servers/" + long:                    400,
		"/v1/servers/" + strings.Repeat("a", 65): 400,
		"/v1/servers/" + strings.Repeat("a", 64): 404,
		"/v1/servers/Alpha":                      400,
		"/v1/servers/a%00b":                      400,
		"/v1/servers/a%0Ab":                      400,
		"/v1/servers/-a":                         400,
		"/v1/servers/%F0%9F%98%80":               400,
		"/v1/servers/a%25":                       400,
		"/v1/servers/alpha":                      404,
		"/v1/jobs/1":                             400,
		"/v1/jobs/" + strings.ToUpper(id.New()):  400,
		"/v1/jobs/" + id.New():                   404,
		"/v1/overlays/a/revisions/x/diff":        400,
		"/v1/overlays/a/revisions/" + id.New() + "/diff?from=../x": 400,
		"/v1/overlays/A/revisions/" + id.New() + "/diff":           400,
		"/v1/servers/":      404,
		"/v1/servers/a/b/c": 404,
		"/v2/servers":       404,
		"/":                 404,
	} {
		status, body, _ := do(t, a, "GET", path, "")
		if e := failure(t, body); status != want || len(e.Message) > 200 {
			t.Errorf("%s: %d %+v", path, status, e)
		}
	}
}

func TestBadQueries(t *testing.T) {
	a, _ := newAPI(t, nil)
	for path, field := range map[string]string{
		"/v1/jobs?limt=3":                              "limt",
		"/v1/jobs?limit=0":                             "limit",
		"/v1/jobs?limit=1001":                          "limit",
		"/v1/jobs?limit=ten":                           "limit",
		"/v1/jobs?limit=99999999999999999999":          "limit",
		"/v1/jobs?limit=1&limit=2":                     "limit",
		"/v1/jobs?status=done":                         "status",
		"/v1/jobs?subject=a%0Ab":                       "subject",
		"/v1/jobs?subject=" + strings.Repeat("a", 600): "subject",
		"/v1/events?after=-1":                          "after",
		"/v1/servers?x=1":                              "x",
		"/v1/servers/a/console?tail=10001":             "tail",
		"/v1/servers/a/console?follow=1":               "follow",
	} {
		status, body, _ := do(t, a, "GET", path, "")
		if e := failure(t, body); status != 400 || e.Field != field {
			t.Errorf("%s: %d %+v", path, status, e)
		}
	}
}

func TestWrongMethod(t *testing.T) {
	a, _ := newAPI(t, nil)
	status, body, header := do(t, a, "PUT", "/v1/servers/alpha", "{}")
	if e := failure(t, body); status != 405 || header.Get("Allow") != "GET, DELETE" {
		t.Errorf("%d %q %+v", status, header.Get("Allow"), e)
	}
}

// FuzzRequests sends anything: no answer is a 5xx, none hangs, and each error is one sentence.
func FuzzRequests(f *testing.F) {
	f.Add("GET", "/v1/servers/a", "", "")
	f.Add("POST", "/v1/servers", `{"name":"a"}`, "")
	f.Add("POST", "/v1/blueprints", `{"name":"a","settings":{"max_players":1e9}}`, "alice")
	f.Add("PATCH", "/v1/overlays/..%2f", `{"settings":{}}`, "a\x00b")
	f.Add("GET", "/v1/overlays/a/revisions/%30/diff?from=%zz", "", "")
	f.Add("GET", "/v1/jobs?limit=1;2", "", "")
	a, _ := newAPI(f, nil)
	f.Fuzz(func(t *testing.T, method, path, body, actor string) {
		if !strings.HasPrefix(path, "/") || strings.Contains(path, "console") || strings.Contains(path, "stream") || strings.HasSuffix(path, "log") {
			t.Skip()
		}
		r, err := http.NewRequest(method, "http://agent"+path, strings.NewReader(body))
		if err != nil {
			t.Skip()
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Left4me-Actor", actor)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s %q %q: %d %s", method, path, body, w.Code, w.Body)
		}
		if w.Code >= 400 && method != "HEAD" {
			failure(t, w.Body.String())
		}
	})
}
