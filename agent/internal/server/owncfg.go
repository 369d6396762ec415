package server

import (
	"context"
	"strings"

	"github.com/left4me/left4me/agent/internal/content"
	"github.com/left4me/left4me/agent/internal/fault"
)

// maxOwnConfig bounds the server.cfg of an overlay that is copied, in bytes: what the mounter reads at once.
const maxOwnConfig = 1 << 20

// ownConfigs are the server.cfg files that overlays bring, under names of their own: the generated server.cfg hides
// them, and a line of the blueprint can still run them: exec server_maps.cfg.
func (st *start) ownConfigs(ctx context.Context) ([]content.File, error) {
	if st.Layers == nil {
		return nil, nil
	}
	var out []content.File
	for _, layer := range st.plan.Lowers {
		if layer.Overlay == "" {
			continue
		}
		data, size, err := st.Layers.ReadFile(ctx, layer, "left4dead2/cfg/server.cfg", 0, maxOwnConfig)
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Precondition) {
			continue
		}
		if err != nil {
			return nil, err
		}
		o, err := st.Store.OverlayByID(ctx, layer.Overlay)
		if err != nil {
			return nil, err
		}
		if size > maxOwnConfig {
			st.run.Logf("warn", "The server.cfg of overlay %q is too large to be copied.", o.Name)
			continue
		}
		path := ownConfig(o.Name)
		st.run.Logf("info", "Overlay %q has a server.cfg of its own; run it with: exec %s", o.Name, strings.TrimPrefix(path, "left4dead2/cfg/"))
		// It may hold passwords, like the file that it comes from.
		out = append(out, content.File{Path: path, Data: data, Secret: true})
	}
	return out, nil
}

// ownConfig is where the server.cfg of an overlay is copied to.
func ownConfig(overlay string) string { return "left4dead2/cfg/server_" + overlay + ".cfg" }
