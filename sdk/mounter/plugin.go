package mounter

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/left4me/left4me/sdk"
	mounterv1 "github.com/left4me/left4me/sdk/proto/left4me/mounter/v1"
)

// Plugin is a mounter ready for sdk.Serve. [New] makes one from an implementation and a function that
// takes the settings, [Of] from any implementation of the two contracts.
type Plugin struct {
	sdk.Base
	Mounter
}

// Configure takes the operator's settings; see sdk.Base.
type Configure func(ctx context.Context, settings sdk.Settings) ([]sdk.Diagnostic, error)

// New returns the plugin that serves implementation. Info needs Name, Version and PluginSchema; the
// rest is filled in. The health is what reporter says; a nil reporter is always healthy.
func New(info sdk.Info, implementation Mounter, configure Configure, reporter *sdk.HealthReporter) *Plugin {
	if reporter == nil {
		reporter = &sdk.HealthReporter{}
	}
	info.Kind = sdk.KindMounter
	return Of(&base{HealthReporter: reporter, info: info, configure: configure}, implementation)
}

// Of returns the plugin that serves base and implementation.
func Of(base sdk.Base, implementation Mounter) *Plugin {
	return &Plugin{Base: base, Mounter: implementation}
}

// Kind implements sdk.Plugin.
func (*Plugin) Kind() sdk.KindName { return sdk.KindMounter }

// Register implements sdk.Plugin.
func (p *Plugin) Register(server grpc.ServiceRegistrar) {
	mounterv1.RegisterMounterServiceServer(server, &service{mounter: p.Mounter})
}

// base is the sdk.Base of a plugin made by New.
type base struct {
	*sdk.HealthReporter
	info      sdk.Info
	configure Configure
}

// Info implements sdk.Base.
func (b *base) Info(context.Context) (sdk.Info, error) { return b.info, nil }

// Configure implements sdk.Base.
func (b *base) Configure(ctx context.Context, settings sdk.Settings) ([]sdk.Diagnostic, error) {
	return b.configure(ctx, settings)
}

// Drain implements sdk.Base. Calls are drained by the SDK, and nothing runs outside of a call.
func (b *base) Drain(context.Context, time.Duration) (int, error) { return 0, nil }
