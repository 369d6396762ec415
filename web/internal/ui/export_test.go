package ui

import "strings"

// Route is a row of the table, for tests.
type Route struct {
	Method, Path string
	Open         bool
}

// Routes returns the table with names that exist in place of the parameters.
func Routes() []Route {
	var out []Route
	names := strings.NewReplacer("{host}", "local", "{name}", "alpha", "{action}", "stop", "{id}", "x", "{file}", "app.css")
	for _, row := range table() {
		out = append(out, Route{row.method, names.Replace(row.path), row.access == open})
	}
	return out
}
