package httpapi

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
)

// writeJSON answers with body. The body is marshaled first, so that the status is true.
func writeJSON(w http.ResponseWriter, status int, body any) {
	data, err := marshal(body)
	if err != nil { // a json.RawMessage that is no JSON
		status, data = http.StatusInternalServerError,
			[]byte(`{"code":"internal","message":"The agent holds data that is not JSON.","source":"agent"}`)
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(data)+1))
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n')) // the reader went away: nobody is left to tell
}

// marshal encodes body with [] for nil slices and {} for absent documents, so that clients need no
// null check.
func marshal(body any) ([]byte, error) {
	value := reflect.New(reflect.TypeOf(body)).Elem()
	value.Set(reflect.ValueOf(body))
	fill(value)
	return json.Marshal(value.Interface())
}

// fill replaces nil slices below value. Slices of structs are copied first, because a service may hand
// the same one to several requests.
func fill(value reflect.Value) {
	switch value.Kind() {
	case reflect.Struct:
		for i, field := 0, value.Type(); i < value.NumField(); i++ {
			if value.Field(i).CanSet() && !strings.Contains(field.Field(i).Tag.Get("json"), ",omitempty") {
				fill(value.Field(i))
			}
		}
	case reflect.Slice:
		fillSlice(value)
	}
}

func fillSlice(value reflect.Value) {
	kind := value.Type()
	switch {
	case kind == reflect.TypeFor[json.RawMessage]():
		if value.Len() == 0 {
			value.SetBytes([]byte("{}"))
		}
	case value.IsNil():
		value.Set(reflect.MakeSlice(kind, 0, 0))
	case kind.Elem().Kind() == reflect.Struct:
		own := reflect.MakeSlice(kind, value.Len(), value.Len())
		reflect.Copy(own, value)
		for i := range own.Len() {
			fill(own.Index(i))
		}
		value.Set(own)
	}
}
