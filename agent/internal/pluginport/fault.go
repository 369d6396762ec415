package pluginport

import (
	"errors"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/sdk"
)

// explain turns a plugin's error into the agent's. The plugin host has done so already for plugins that it
// runs, with their name; this is for those that are reached without it.
func explain(err error) error {
	if _, ok := fault.Of(err); ok || err == nil {
		return err
	}
	said, ok := errors.AsType[*sdk.Error](err)
	if !ok {
		return err
	}
	out := fault.Wrap(err, fault.Code(said.Code), "%s", said.Message).WithField(said.Field).WithSource("plugin")
	if said.Hint != "" {
		out = out.WithHint("%s", said.Hint)
	}
	return out
}
