package config

import _ "embed"

// Schema is the JSON Schema 2020-12 document of [Settings].
//
//go:embed schema.json
var Schema []byte
