package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"strings"
)

// Settings are changed as a whole. A client of an older version must not lose what a newer agent has in them, so it keeps
// the fields that it does not know, and sends them back as they came. An agent refuses what it does not know before it
// gets here.

// MarshalJSON writes s with its unknown fields.
func (s BlueprintSettings) MarshalJSON() ([]byte, error) {
	type plain BlueprintSettings
	return withUnknown(plain(s), s.Unknown)
}

// UnmarshalJSON reads s and keeps unknown fields.
func (s *BlueprintSettings) UnmarshalJSON(data []byte) (err error) {
	type plain BlueprintSettings
	s.Unknown, err = readUnknown(data, (*plain)(s))
	return err
}

// MarshalJSON writes l with its unknown fields.
func (l Limits) MarshalJSON() ([]byte, error) {
	type plain Limits
	return withUnknown(plain(l), l.Unknown)
}

// UnmarshalJSON reads l and keeps unknown fields.
func (l *Limits) UnmarshalJSON(data []byte) (err error) {
	type plain Limits
	l.Unknown, err = readUnknown(data, (*plain)(l))
	return err
}

func withUnknown(plain any, unknown map[string]json.RawMessage) ([]byte, error) {
	data, err := json.Marshal(plain)
	if err != nil || len(unknown) == 0 {
		return data, err
	}
	fields := maps.Clone(unknown)
	if err := json.Unmarshal(data, &fields); err != nil { // known ones win
		return nil, err
	}
	return json.Marshal(fields)
}

// readUnknown reads data into a pointer to a struct and returns the fields that it does not have; nil = none.
func readUnknown(data []byte, into any) (map[string]json.RawMessage, error) {
	if err := json.Unmarshal(data, into); err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		return nil, nil
	}
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	of := reflect.TypeOf(into).Elem()
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		maps.DeleteFunc(fields, func(key string, _ json.RawMessage) bool { return strings.EqualFold(key, name) })
	}
	if len(fields) == 0 {
		return nil, nil
	}
	return fields, nil
}
