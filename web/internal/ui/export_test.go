package ui

import (
	"strings"

	"github.com/left4me/left4me/web/internal/right"
)

// Route is a row of the table, for tests.
type Route struct {
	Method, Path string
	Row          string // the path as it stands in the table
	Need         right.Right
	Audit        string
	Open         bool
}

// Routes returns the table with names that exist in place of the parameters.
func Routes() []Route {
	var out []Route
	for _, row := range table() {
		names := strings.NewReplacer("{host}", "local", "{name}", "alpha", "{id}", "x", "{file}", "app.css")
		if strings.HasPrefix(row.path, "/audit/") {
			names = strings.NewReplacer("{file}", "audit.csv")
		}
		out = append(out, Route{row.method, names.Replace(row.path), row.path, row.need, row.audit, row.need == right.Open})
	}
	return out
}
