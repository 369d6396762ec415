package view

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// pairsFit reports whether value can be written as lines of NAME=value and read back.
func pairsFit(value json.RawMessage) bool {
	if len(value) == 0 {
		return true
	}
	var pairs map[string]string
	if json.Unmarshal(value, &pairs) != nil {
		return false
	}
	for name, text := range pairs {
		if name == "" || strings.ContainsAny(name, "=\r\n") || strings.ContainsAny(text, "\r\n") ||
			strings.TrimSpace(name) != name || strings.TrimSpace(text) != text || strings.HasPrefix(name, "{") {
			return false
		}
	}
	return true
}

// showPairs writes texts by name as lines, in the order of the names.
func showPairs(value json.RawMessage) string {
	var pairs map[string]string
	_ = json.Unmarshal(value, &pairs) // what does not fit is shown empty
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		lines = append(lines, name+"="+pairs[name])
	}
	return strings.Join(lines, "\n")
}
