package pluginhost

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/left4me/left4me/sdk"
)

// Bounds of texts from plugins, in bytes.
const (
	maxSentence = 2 << 10
	maxLogText  = 8 << 10
	maxWord     = 128
	maxEntries  = 64 // of a map
)

// clean makes text from a plugin fit for a log, a terminal and a page: valid UTF-8 on one line without
// control or direction-changing characters, at most limit bytes.
func clean(text string, limit int) string {
	if len(text) > 4*limit {
		text = text[:4*limit]
	}
	plain := len(text) <= limit && utf8.ValidString(text) && strings.IndexFunc(text, unwanted) < 0
	if plain {
		return text
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unwanted(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return shorten(strings.TrimSpace(text), limit)
}

// unwanted characters can hide text, reorder it, or steer a terminal.
func unwanted(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

// shorten cuts at a rune's boundary and marks the cut.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const mark = "…"
	cut := max(0, limit-len(mark))
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + mark
}

func cleanMap(in map[string]string) map[string]string {
	out := make(map[string]string, min(len(in), maxEntries))
	for _, key := range sortedKeys(in) {
		if len(out) == maxEntries {
			break
		}
		out[clean(key, maxWord)] = clean(in[key], maxSentence)
	}
	return out
}

func sortedKeys[V any](in map[string]V) []string {
	keys := make([]string, 0, len(in))
	for key := range in {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func cleanHealth(h sdk.Health) sdk.Health {
	h.Description = clean(h.Description, maxSentence)
	h.Attributes = cleanMap(h.Attributes)
	return h
}

func cleanDiagnostic(d sdk.Diagnostic) sdk.Diagnostic {
	d.Code = clean(d.Code, maxWord)
	d.Summary = clean(d.Summary, maxSentence)
	d.Detail = clean(d.Detail, maxSentence)
	d.Pointer = clean(d.Pointer, maxSentence)
	return d
}

func cleanDiagnostics(in []sdk.Diagnostic) []sdk.Diagnostic {
	const most = 100
	out := make([]sdk.Diagnostic, 0, min(len(in), most))
	for _, d := range in[:min(len(in), most)] {
		out = append(out, cleanDiagnostic(d))
	}
	return out
}

func cleanInfo(info sdk.Info) sdk.Info {
	list := func(in []string) []string {
		out := make([]string, 0, len(in))
		for _, entry := range in[:min(len(in), maxEntries)] {
			out = append(out, clean(entry, maxWord))
		}
		return out
	}
	info.SDKVersion = clean(info.SDKVersion, maxWord)
	info.Capabilities = list(info.Capabilities)
	info.WantedCapabilities = list(info.WantedCapabilities)
	info.Doc = strings.ToValidUTF8(info.Doc, "\uFFFD") // Markdown keeps its lines
	return info
}
