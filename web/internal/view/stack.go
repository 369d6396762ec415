package view

import (
	"slices"

	"github.com/left4me/left4me/agent/api"
)

// StackLayer is a layer of a server's tree with what it brings.
type StackLayer struct {
	api.Layer
	Campaigns []string
	Packs     int
	Bytes     uint64
	Loses     int // files of it that a higher layer has, too
	LosesTo   []string
}

// Stack puts a server's layers together with what their add-ons hold.
func Stack(layers []api.Layer, addons api.Addons) []StackLayer {
	out := make([]StackLayer, len(layers))
	at := map[string]int{}
	for i, layer := range layers {
		out[i].Layer = layer
		if layer.Overlay != "" {
			at[layer.Overlay] = i
		}
	}
	for _, c := range addons.Campaigns {
		if i, ok := at[c.Overlay]; ok {
			out[i].Campaigns = append(out[i].Campaigns, firstText(c.Title, c.Name))
		}
	}
	for _, pack := range addons.Packs {
		if i, ok := at[pack.Overlay]; ok {
			out[i].Packs++
			out[i].Bytes += uint64(max(pack.Bytes, 0))
		}
	}
	for _, c := range addons.Conflicts {
		for _, loser := range c.Losers {
			if i, ok := at[loser.Overlay]; ok {
				out[i].Loses++
				if !slices.Contains(out[i].LosesTo, c.Winner.Overlay) {
					out[i].LosesTo = append(out[i].LosesTo, c.Winner.Overlay)
				}
			}
		}
	}
	return out
}
