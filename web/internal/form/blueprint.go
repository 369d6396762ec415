package form

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/web/internal/view"
)

// ShowBlueprint writes the typed settings of a blueprint the way their inputs take them, by name.
func ShowBlueprint(settings api.BlueprintSettings) map[string]string {
	out := map[string]string{}
	for _, s := range view.BlueprintSettings() {
		out[s.Name] = show(reflect.ValueOf(settings).FieldByIndex(s.Index))
	}
	return out
}

func show(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		if v.Elem().Kind() == reflect.Int {
			return strconv.FormatInt(v.Elem().Int(), 10)
		}
		if v.Elem().Bool() {
			return view.Yes
		}
		return view.No
	case reflect.Int:
		if v.Int() == 0 {
			return ""
		}
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Bool:
		if v.Bool() {
			return view.Yes
		}
		return ""
	case reflect.Slice:
		lines, _ := v.Interface().([]string)
		return strings.Join(lines, "\n")
	}
	return v.String()
}

// Blueprint reads the typed settings of a blueprint from what stands in the inputs, by name.
func Blueprint(values map[string]string) (api.BlueprintSettings, *view.Problem) {
	var out api.BlueprintSettings
	var problem *view.Problem
	for _, s := range view.BlueprintSettings() {
		text := strings.ReplaceAll(values[s.Name], "\r\n", "\n")
		if text == "" {
			continue
		}
		if !set(reflect.ValueOf(&out).Elem().FieldByIndex(s.Index), text) && problem == nil {
			problem = &view.Problem{Message: "This is not a number: " + text, Hint: "Write digits, or leave it empty.", Field: s.ID()}
		}
	}
	return out, problem
}

// KeepUnknown puts into settings what the stored ones hold beyond the form: settings of an agent that is newer than the
// panel stay as they are.
func KeepUnknown(settings *api.BlueprintSettings, stored api.BlueprintSettings) {
	settings.Unknown, settings.Limits.Unknown = stored.Unknown, stored.Limits.Unknown
}

// set puts text into a field and reports whether it could be read.
func set(v reflect.Value, text string) bool {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return set(v.Elem(), text)
	case reflect.Int:
		n, err := strconv.Atoi(strings.TrimSpace(text))
		v.SetInt(int64(n))
		return err == nil
	case reflect.Bool:
		v.SetBool(text == view.Yes)
	case reflect.Slice:
		v.Set(reflect.ValueOf(Words(text)))
	default:
		v.SetString(text)
	}
	return true
}
