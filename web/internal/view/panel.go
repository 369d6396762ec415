package view

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/left4me/left4me/web/internal/account"
	"github.com/left4me/left4me/web/internal/right"
)

func i64(n int64) string { return strconv.FormatInt(n, 10) }

func escape(name string) string { return url.PathEscape(name) }

// Role is a role as people call it.
func Role(role string) string {
	if role == account.RoleAdmin {
		return "administrator"
	}
	return "user"
}

// Limit is a limit as it stands in a form: empty is none.
func Limit(n int) string {
	if n == account.Unlimited {
		return ""
	}
	return itoa(n)
}

// Browser shortens what a browser calls itself to what tells people apart: "Firefox 142 on Linux".
func Browser(agent string) string {
	name := ""
	for _, known := range []struct{ mark, name string }{
		{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Version/", "Safari"}} {
		if _, rest, ok := strings.Cut(agent, known.mark); ok {
			version, _, _ := strings.Cut(rest, ".")
			name = known.name + " " + version
			break
		}
	}
	if name == "" {
		if agent == "" {
			return "unknown"
		}
		return agent
	}
	for _, system := range []string{"Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux"} {
		if strings.Contains(agent, system) {
			return name + " on " + system
		}
	}
	return name
}

// RightTitle is a right on a server as a short label.
func RightTitle(r right.Right) string { return strings.TrimPrefix(string(r), "server.") }

func personURL(a account.Account, action string) templ.SafeURL {
	return templ.SafeURL("/people/" + escape(a.Name) + "/" + action)
}

func auditURL(path string, query url.Values, before int64) templ.SafeURL {
	out := url.Values{}
	for _, name := range []string{"actor", "action", "target", "host", "since", "until", "failed"} {
		if value := query.Get(name); value != "" {
			out.Set(name, value)
		}
	}
	if before > 0 {
		out.Set("before", i64(before))
	}
	if len(out) == 0 {
		return templ.SafeURL(path)
	}
	return templ.SafeURL(path + "?" + out.Encode())
}

func list(words []string) string { return strings.Join(words, ", ") }

func orNobody(actor string) string {
	if actor == "" {
		return "nobody signed in"
	}
	return actor
}

func hostEdge(h PerHost[HostState]) string {
	if h.Problem != nil {
		return "edge-failed"
	}
	return "edge-ready"
}

func tokenHelp(fresh bool) string {
	if fresh {
		return "Made on that host with: left4me token create panel --scope admin --act"
	}
	return "Empty keeps the present one, as long as the address stays."
}
