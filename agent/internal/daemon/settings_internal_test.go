package daemon

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/agent/api"
	"github.com/left4me/left4me/agent/internal/blueprint"
)

// A setting that is added on one side only would be lost without a word.
func TestSettingsSurviveTheWire(t *testing.T) {
	var wire api.BlueprintSettings
	fill(t, reflect.ValueOf(&wire).Elem())
	if diff := cmp.Diff(wire, showSettings(settingsOf(wire))); diff != "" {
		t.Error(diff)
	}
	if want, got := reflect.TypeFor[api.BlueprintSettings]().NumField()-1, reflect.TypeFor[blueprint.Settings]().NumField(); want != got {
		t.Errorf("%d settings on the wire besides unknown ones, %d behind it", want, got)
	}
}

// fill sets every field to something.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("json") != "-" { // unknown ones are for clients
				fill(t, v.Field(i))
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0))
	case reflect.String:
		v.SetString("text")
	case reflect.Int:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	default:
		t.Fatalf("%s is new here", v.Type())
	}
}
