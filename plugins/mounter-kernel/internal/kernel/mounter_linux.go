package kernel

import (
	"context"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/config"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/disk"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/overlayfs"
	"github.com/left4me/left4me/sdk"
	"github.com/left4me/left4me/sdk/mounter"
)

// Mounter implements mounter.Mounter. Calls before the first successful Configure are refused. Calls
// about the same server or build wait for each other, also across processes.
type Mounter struct {
	fixed  config.Settings // from the administrator's file
	logger hclog.Logger
	health *sdk.HealthReporter
	active atomic.Pointer[engine]
}

var _ mounter.Mounter = (*Mounter)(nil)

// New returns a mounter that is not configured. fixed stands above what Configure is asked for.
func New(fixed config.Settings, logger hclog.Logger, health *sdk.HealthReporter) *Mounter {
	health.Set(sdk.Health{State: sdk.HealthUndetected, Description: "It has no settings yet."})
	return &Mounter{fixed: fixed, logger: logger, health: health}
}

// engine is a mounter with its settings. It does not change; Configure makes another.
type engine struct {
	root   *disk.Root
	limits config.Limits
	can    overlayfs.Abilities
	owners stagingOwners
	facts  map[string]string
	logger hclog.Logger
}

func (m *Mounter) engine() (*engine, error) {
	if e := m.active.Load(); e != nil {
		return e, nil
	}
	return nil, sdk.Errorf(sdk.CodePrecondition, "The mounter has no settings yet.").
		WithHint("The agent must configure it first.")
}

// Probe implements mounter.Mounter.
func (m *Mounter) Probe(context.Context) (mounter.Probe, error) {
	e, err := m.engine()
	if err != nil {
		return mounter.Probe{}, err
	}
	return mounter.Probe{Filesystem: "overlay", MaxLayers: e.limits.MaxLayers, Features: e.facts,
		MaxBytes: e.limits.MaxBytes, MaxFiles: e.limits.MaxFiles}, nil
}

// List implements mounter.Content.
func (m *Mounter) List(_ context.Context, report func(mounter.Ref) error) error {
	e, err := m.engine()
	if err != nil {
		return err
	}
	return e.root.List(report)
}
