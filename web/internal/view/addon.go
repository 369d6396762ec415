package view

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/left4me/left4me/agent/api"
)

// ItemSettings is what an overlay's settings say about its items, for types whose settings have the lists "items" and
// "exclude" and the object "pins".
type ItemSettings struct {
	CanAdd, CanPin, CanExclude bool
	Pins                       map[string]string
	Excluded                   []string
}

// NewItemSettings reads the settings of an overlay by the schema of its type.
func NewItemSettings(raw, settings json.RawMessage) ItemSettings {
	var known struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	var values struct {
		Pins    map[string]string `json:"pins"`
		Exclude []string          `json:"exclude"`
	}
	if json.Unmarshal(raw, &known) != nil || json.Unmarshal(settings, &values) != nil {
		return ItemSettings{}
	}
	has := func(name string) bool { return known.Properties[name] != nil }
	return ItemSettings{CanAdd: has("items"), CanPin: has("pins"), CanExclude: has("exclude"), Pins: values.Pins, Excluded: values.Exclude}
}

// For returns d for a person who may change the overlay's settings, or may not.
func (d ItemsData) For(edit bool) ItemsData {
	if !edit {
		d.Settings = ItemSettings{Pins: d.Settings.Pins}
	}
	return d
}

// ChangeItems returns the settings after an action on an item: add (id holds the text to add), pin, unpin, exclude, include.
// Other settings stay as they are.
func ChangeItems(settings json.RawMessage, action, id, version string) (json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(settings, &all); err != nil {
		return nil, err
	}
	var items, exclude []string
	pins := map[string]string{}
	for name, into := range map[string]any{"items": &items, "exclude": &exclude, "pins": &pins} {
		if value := all[name]; value != nil {
			if err := json.Unmarshal(value, into); err != nil {
				return nil, err
			}
		}
	}
	switch action {
	case "add":
		items = append(items, id)
	case "pin":
		pins[id] = version
	case "unpin":
		delete(pins, id)
	case "exclude":
		delete(pins, id)
		if !slices.Contains(exclude, id) {
			exclude = append(exclude, id)
		}
	case "include":
		exclude = slices.DeleteFunc(exclude, func(other string) bool { return other == id })
	default:
		return nil, fmt.Errorf("there is no action %q", action)
	}
	put(all, "items", items, len(items))
	put(all, "exclude", exclude, len(exclude))
	put(all, "pins", pins, len(pins))
	return json.Marshal(all)
}

// put sets a setting, or takes it out when nothing is in it.
func put(all map[string]json.RawMessage, name string, value any, size int) {
	delete(all, name)
	if data, err := json.Marshal(value); err == nil && size > 0 {
		all[name] = data
	}
}

// BuildOf returns the result of a build.
func BuildOf(job api.Job) (api.BuildResult, bool) {
	if job.Kind != api.JobBuild {
		return api.BuildResult{}, false
	}
	return api.Result[api.BuildResult](job)
}

// RefreshOf returns the result of a refresh.
func RefreshOf(job api.Job) (api.RefreshResult, bool) {
	if job.Kind != api.JobRefresh {
		return api.RefreshResult{}, false
	}
	return api.Result[api.RefreshResult](job)
}

func changeClass(kind string) string {
	switch kind {
	case "added", "updated":
		return "is-added"
	case "failed":
		return "is-failed"
	case "removed":
		return "is-removed"
	}
	return "is-idle"
}

func conflictKind(kind string) string {
	if kind == "addon" {
		return "whole add-on"
	}
	return kind
}

// firstText returns the first text that is not empty.
func firstText(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return "—"
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return itoa(n) + " " + word + "s"
}

// shownOf says that a list is cut.
func shownOf(shown, total int) string {
	if shown == total {
		return ""
	}
	return fmt.Sprintf(", the first %d are shown", shown)
}
