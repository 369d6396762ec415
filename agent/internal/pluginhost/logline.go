package pluginhost

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
)

// levelTrace is below slog's debug, as hclog's is.
const levelTrace = slog.LevelDebug - 4

// maxAttributes bounds the attributes of one line.
const maxAttributes = 32

// logLine is one line of a plugin's log, read.
type logLine struct {
	level   slog.Level
	message string
	attrs   []slog.Attr
	panics  bool // it starts a Go panic: what follows is a stack
}

// parseLogLine reads a line of standard error: hclog's JSON, or any text. It never fails, whatever the
// members of the JSON hold: a plugin writes what it likes.
func parseLogLine(line []byte) logLine {
	trimmed := bytes.TrimSpace(line)
	if len(trimmed) > 1 && trimmed[0] == '{' {
		var members map[string]json.RawMessage
		if json.Unmarshal(trimmed, &members) == nil && (members["@message"] != nil || members["@level"] != nil) {
			return fromMembers(members)
		}
	}
	return fromText(string(line))
}

func fromMembers(members map[string]json.RawMessage) logLine {
	level, _ := parseLevel(member(members["@level"]))
	out := logLine{level: level, message: clean(member(members["@message"]), maxLogText)}
	for _, key := range sortedKeys(members) {
		if strings.HasPrefix(key, "@") && key != "@module" {
			continue
		}
		if len(out.attrs) == maxAttributes {
			break
		}
		out.attrs = append(out.attrs, slog.String(attributeKey(key), clean(member(members[key]), maxSentence)))
	}
	return out
}

// member returns a JSON string's content, and any other value as it is written.
func member(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// attributeKey keeps a plugin from passing its attributes off as the agent's own.
func attributeKey(key string) string {
	key = clean(strings.TrimPrefix(key, "@"), maxWord)
	switch key {
	case "plugin", "level", "msg", "time", "source", "":
		return "_" + key
	}
	return key
}

func fromText(text string) logLine {
	out := logLine{level: slog.LevelInfo, message: clean(text, maxLogText)}
	switch {
	case strings.HasPrefix(text, "panic: "), strings.HasPrefix(text, "fatal error: "):
		out.level, out.panics = slog.LevelError, true
	case strings.HasPrefix(text, "["):
		word, _, found := strings.Cut(text[1:min(len(text), 8)], "]")
		if level, known := parseLevel(word); found && known {
			out.level = level
		}
	}
	return out
}

// parseLevel reads hclog's level names; anything else is info.
func parseLevel(name string) (level slog.Level, known bool) {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "trace":
		return levelTrace, true
	case "debug":
		return slog.LevelDebug, true
	case "info":
		return slog.LevelInfo, true
	case "warn", "warning":
		return slog.LevelWarn, true
	case "error", "err":
		return slog.LevelError, true
	}
	return slog.LevelInfo, false
}
