package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/left4me/left4me/agent/api"
)

// We take huma's schemas, validation and OpenAPI types, and not its handlers: their errors have another
// form, which is chosen by a package variable, and their streams have no heartbeat.

// describe builds the schemas and the OpenAPI document of the table.
func (a *API) describe() error {
	a.registry = huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	document := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{Title: "left4me agent", Version: "1",
			Description: "Every operation needs the access it names: read, operate or admin. On the unix socket that comes from " +
				"the caller's uid and groups, elsewhere from a bearer token. The header " + api.ActorHeader + " names on whose behalf a client acts."},
		Components: &huma.Components{Schemas: a.registry, SecuritySchemes: map[string]*huma.SecurityScheme{
			"token": {Type: "http", Scheme: "bearer"},
		}},
	}
	failure := a.registry.Schema(reflect.TypeFor[api.Error](), true, "")
	for _, row := range a.routes {
		document.AddOperation(row.operation(a.registry, failure))
	}
	for _, schema := range a.registry.Map() {
		requireLists(schema)
	}
	data, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return fmt.Errorf("describe the API: %w", err)
	}
	a.document = append(data, '\n')
	return nil
}

// Document returns the OpenAPI 3.1 description of the API, the same as at api.PathOpenAPI.
func (a *API) Document() []byte { return a.document }

// requireLists undoes huma's habit of allowing null for every list: the API writes [].
func requireLists(schema *huma.Schema) {
	for _, property := range schema.Properties {
		if property.Type == huma.TypeArray {
			property.Nullable = false
		}
	}
}

func (row route) operation(registry huma.Registry, failure *huma.Schema) *huma.Operation {
	op := &huma.Operation{
		Method: row.method, Path: row.path, OperationID: row.id, Summary: row.summary,
		Description: accessOf(row),
		Tags:        []string{strings.Split(row.id, "-")[0]},
		Parameters:  row.parameters(),
		Responses: map[string]*huma.Response{
			strconv.Itoa(row.handler.status): row.handler.response(registry),
			"default":                        {Description: "A failure.", Content: jsonContent(failure)},
		},
	}
	if row.access.level() > Open {
		op.Security = []map[string][]string{{"token": {}}}
	}
	if row.handler.body != nil {
		op.RequestBody = &huma.RequestBody{Content: jsonContent(registry.Schema(row.handler.body, true, ""))}
	}
	if row.handler.text {
		op.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}}}
	}
	return op
}

func (row route) parameters() []*huma.Param {
	var out []*huma.Param
	for _, name := range []string{"name", "id"} {
		if strings.Contains(row.path, "{"+name+"}") {
			out = append(out, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
		}
	}
	for _, p := range row.handler.params {
		out = append(out, &huma.Param{Name: p.name, In: "query", Description: p.doc, Schema: p.schema()})
	}
	if row.handler.stream {
		out = append(out, &huma.Param{Name: "Last-Event-ID", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
			Description: "Resumes after the item with this id."})
	}
	return out
}

func (p param) schema() *huma.Schema {
	if p.highest > 0 {
		lowest, highest := float64(p.lowest), float64(p.highest)
		return &huma.Schema{Type: huma.TypeInteger, Minimum: &lowest, Maximum: &highest}
	}
	schema := &huma.Schema{Type: huma.TypeString}
	for _, choice := range p.choices {
		schema.Enum = append(schema.Enum, choice)
	}
	return schema
}

func (h handler) response(registry huma.Registry) *huma.Response {
	response := &huma.Response{Description: http.StatusText(h.status) + "."}
	switch {
	case h.stream:
		response.Description = "Server-sent events: line, event, job, dropped and end, each with a JSON document; id resumes."
		response.Content = map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}}
	case len(h.media) > 0:
		response.Content = map[string]*huma.MediaType{}
		for _, media := range h.media {
			response.Content[media] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
		}
	case h.bytes:
		response.Description = "The bytes of the file. A single Range is honoured."
		response.Content = map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
	case h.answer != nil:
		schema := registry.Schema(h.answer, true, "")
		schema.Nullable = schema.Nullable && schema.Type != huma.TypeArray
		response.Content = jsonContent(schema)
	}
	return response
}

func jsonContent(schema *huma.Schema) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: schema}}
}

// accessOf says who may use a row.
func accessOf(row route) string {
	if scope := row.access.Scope(); scope != "" {
		return "Access: " + row.access.String() + ", or a token with the scope " + scope + "."
	}
	return "Access: " + row.access.String() + "."
}
