package builder

import (
	"google.golang.org/grpc"

	"github.com/left4me/left4me/sdk"
	builderv1 "github.com/left4me/left4me/sdk/proto/left4me/builder/v1"
)

// Plugin is a builder ready for sdk.Serve. [New] makes one from a build function, [Of] from any
// implementation of the two contracts.
type Plugin struct {
	sdk.Base
	Builder
}

// Of returns the plugin that serves base and implementation.
func Of(base sdk.Base, implementation Builder) *Plugin {
	return &Plugin{Base: base, Builder: implementation}
}

// Kind implements sdk.Plugin.
func (*Plugin) Kind() sdk.KindName { return sdk.KindBuilder }

// Register implements sdk.Plugin.
func (p *Plugin) Register(server grpc.ServiceRegistrar) {
	builderv1.RegisterBuilderServiceServer(server, &service{builder: p.Builder})
}
