package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/left4me/left4me/agent/internal/fault"
)

// maxBody bounds a request's body. Scripts are the largest thing in it.
const maxBody = 1 << 20

// decode reads the body of r into into, which schema describes. Unknown fields, wrong types, missing
// fields, a second value and a wrong content type are refused. An empty body counts as {}.
func decode(w http.ResponseWriter, r *http.Request, registry huma.Registry, schema *huma.Schema, into any) error {
	data, err := readBody(w, r)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(data)) == 0 {
		data = []byte("{}")
	} else if err := checkContentType(r); err != nil {
		return err
	}
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		return fault.Wrap(err, fault.Invalid, "The request is not valid JSON: %s.", syntax(err)).WithHint("Send one JSON object.")
	}
	var result huma.ValidateResult
	huma.Validate(registry, schema, huma.NewPathBuffer(nil, 0), huma.ModeWriteToServer, value, &result)
	if len(result.Errors) > 0 {
		return unfit(result.Errors[0])
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fault.Wrap(err, fault.Invalid, "The request does not fit: %s.", syntax(err)).WithHint("See /v1/openapi.json for what it holds.")
	}
	return nil
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, &statusError{http.StatusRequestEntityTooLarge,
			fault.New(fault.Invalid, "The request is larger than 1 MiB.").WithHint("Send less; a script of that size belongs in a download.")}
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "The request ended too early.").WithHint("Send it again.")
	}
	return data, nil
}

func checkContentType(r *http.Request) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return &statusError{http.StatusUnsupportedMediaType,
			fault.New(fault.Invalid, "The request is not declared as JSON.").
				WithHint("Send the header Content-Type: application/json.").WithField("Content-Type")}
	}
	return nil
}

// syntax shortens what encoding/json says to what a person can use.
func syntax(err error) string {
	text := strings.TrimPrefix(err.Error(), "json: ")
	return strings.TrimSuffix(text, ".")
}

// unfit tells the first thing that does not fit the schema.
func unfit(err error) error {
	detail, ok := errors.AsType[*huma.ErrorDetail](err)
	if !ok {
		return fault.Wrap(err, fault.Invalid, "The request does not fit.")
	}
	field := pointer(detail.Location)
	shown := strings.TrimPrefix(detail.Location, ".")
	if detail.Message == validation.MsgUnexpectedProperty {
		return fault.New(fault.Invalid, "There is no field %q here.", shown).
			WithHint("See /v1/openapi.json for the fields.").WithField(field)
	}
	if shown == "" {
		return fault.New(fault.Invalid, "The request does not fit: %s.", detail.Message).
			WithHint("See /v1/openapi.json for what it holds.")
	}
	return fault.New(fault.Invalid, "The field %q does not fit: %s.", shown, detail.Message).
		WithHint("See /v1/openapi.json for what it holds.").WithField(field)
}

// pointer makes an RFC 6901 pointer of a location like settings.maps[0].
func pointer(location string) string {
	location = strings.NewReplacer("~", "~0", "/", "~1", "[", ".", "]", "").Replace(strings.TrimPrefix(location, "."))
	if location == "" {
		return ""
	}
	return "/" + strings.ReplaceAll(location, ".", "/")
}
