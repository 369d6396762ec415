package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
)

// Description is the JSON that "describe" prints.
type Description struct {
	Name               string          `json:"name"`
	Version            string          `json:"version"`
	SDKVersion         string          `json:"sdk_version"`
	ProtocolMajor      int             `json:"protocol_major"`
	ProtocolMinor      uint32          `json:"protocol_minor"`
	Kind               KindName        `json:"kind"`
	Capabilities       []string        `json:"capabilities,omitempty"`
	WantedCapabilities []string        `json:"wanted_linux_capabilities,omitempty"`
	PluginSchema       json.RawMessage `json:"plugin_schema,omitempty"`
	OverlaySchema      json.RawMessage `json:"overlay_schema,omitempty"`
	Doc                string          `json:"doc,omitempty"`
}

const usage = `This program is a left4me plugin. Without arguments it is started by the left4me agent.

  describe            print name, version, abilities and schemas as JSON
  schema [which]      print a JSON Schema; which is "plugin" or "overlay"
  version             print the version
`

// command runs a subcommand and returns the exit status.
func command(ctx context.Context, p Plugin, args []string, out, errOut io.Writer) int {
	info, err := Describe(ctx, p)
	if err != nil {
		fmt.Fprintf(errOut, "The plugin cannot describe itself: %v.\n", err)
		return 1
	}
	switch args[0] {
	case "describe":
		err = printJSON(out, describe(info))
	case "schema":
		err = printSchema(out, info, args[1:])
	case "version":
		_, err = fmt.Fprintf(out, "%s %s (sdk %s, protocol %d.%d)\n",
			info.Name, info.Version, info.SDKVersion, ProtocolMajor, info.Minor)
	case "help", "-h", "--help":
		_, err = io.WriteString(out, usage)
	default:
		fmt.Fprintf(errOut, "%q is not a command of this plugin.\n\n%s", args[0], usage)
		return 2
	}
	if err != nil {
		fmt.Fprintln(errOut, err)
		return 2
	}
	return 0
}

func describe(info Info) Description {
	return Description{
		Name:               info.Name,
		Version:            info.Version,
		SDKVersion:         info.SDKVersion,
		ProtocolMajor:      ProtocolMajor,
		ProtocolMinor:      info.Minor,
		Kind:               info.Kind,
		Capabilities:       info.Capabilities,
		WantedCapabilities: info.WantedCapabilities,
		PluginSchema:       info.PluginSchema,
		OverlaySchema:      info.OverlaySchema,
		Doc:                info.Doc,
	}
}

func printSchema(out io.Writer, info Info, args []string) error {
	which := "plugin"
	if info.Kind == KindBuilder {
		which = "overlay"
	}
	if len(args) > 0 {
		which = args[0]
	}
	schemas := map[string]json.RawMessage{"plugin": info.PluginSchema, "overlay": info.OverlaySchema}
	schema, known := schemas[which]
	if !known {
		return fmt.Errorf("%q is not a schema of this plugin: use \"plugin\" or \"overlay\"", which)
	}
	if len(schema) == 0 {
		return fmt.Errorf("this plugin has no %s schema", which)
	}
	return printJSON(out, schema)
}

func printJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
