package kernel

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/config"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/disk"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/overlayfs"
	"github.com/left4me/left4me/sdk"
)

// Configure takes the operator's settings, tries what the kernel can do, and repairs what a process
// that died has left. With an error diagnostic nothing changes.
func (m *Mounter) Configure(ctx context.Context, settings sdk.Settings) ([]sdk.Diagnostic, error) {
	schema, err := sdk.ParseSchema(config.Schema)
	if err != nil {
		return nil, err
	}
	if found := schema.Check(settings.JSON); sdk.HasErrors(found) {
		return found, nil
	}
	asked, err := config.Parse(settings.JSON)
	if err != nil {
		return []sdk.Diagnostic{diagnostic("settings.syntax", "The settings cannot be read: "+err.Error()+".", "See the plugin's schema.", "")}, nil
	}
	merged, problems := config.Merge(m.fixed, asked)
	merged = merged.Filled(os.Geteuid(), os.Getegid())
	if problems = append(problems, merged.Check()...); len(problems) > 0 {
		return diagnostics(problems), nil
	}
	e, err := m.build(ctx, merged)
	if fault, is := errors.AsType[*sdk.Error](err); is {
		m.unhealthy(fault)
		return []sdk.Diagnostic{diagnostic("mounter."+string(fault.Code), fault.Message, fault.Hint, fault.Field)}, nil
	}
	if err != nil {
		return nil, err
	}
	m.active.Store(e) // calls that run keep the old engine; its descriptors go when they are done
	m.health.Set(sdk.Health{State: sdk.HealthHealthy, Description: e.describe(), Attributes: maps.Clone(e.facts)})
	return nil, nil
}

func (m *Mounter) unhealthy(fault *sdk.Error) {
	if m.active.Load() == nil {
		m.health.Set(sdk.Health{State: sdk.HealthUnhealthy, Description: fault.Message})
	}
}

func diagnostics(problems []config.Problem) []sdk.Diagnostic {
	out := make([]sdk.Diagnostic, 0, len(problems))
	for _, p := range problems {
		out = append(out, diagnostic("settings.invalid", p.Summary, p.Hint, p.Pointer))
	}
	return out
}

func diagnostic(code, summary, detail, pointer string) sdk.Diagnostic {
	return sdk.Diagnostic{Severity: sdk.SeverityError, Code: code, Summary: summary, Detail: detail, Pointer: pointer}
}

func (m *Mounter) build(ctx context.Context, s config.Settings) (*engine, error) {
	owners := disk.Owners{
		StagingUID: *s.Owners.StagingUID, StagingGID: *s.Owners.StagingGID,
		GameUID: *s.Owners.GameUID, GameGID: *s.Owners.GameGID, ReaderGID: -1,
	}
	if s.Owners.ReaderGID != nil {
		owners.ReaderGID = *s.Owners.ReaderGID
	}
	root, err := disk.Open(s.Root, owners)
	if err != nil {
		return nil, err
	}
	e := &engine{root: root, limits: s.Limits, logger: m.logger, facts: map[string]string{}}
	if err := e.prepare(ctx); err != nil {
		root.Close()
		return nil, err
	}
	return e, nil
}

func (e *engine) prepare(ctx context.Context) error {
	scratch, remove, err := e.root.Scratch()
	if err != nil {
		return err
	}
	err = e.probe(ctx, scratch)
	if err := errors.Join(err, remove()); err != nil {
		return err
	}
	if err := e.repair(ctx); err != nil {
		e.logger.Warn("not everything could be repaired", "error", err)
	}
	return nil
}

// describe is one sentence for the plugin page.
func (e *engine) describe() string {
	parts := []string{"Mounts with kernel overlayfs (" + string(e.can.Rung) + ")"}
	if e.can.UserXattr {
		parts = append(parts, "in a user namespace")
	}
	if e.owners.how == ownersByGroup {
		parts = append(parts, "scripts cannot change mode and time of files of the revision before")
	}
	if e.facts["mount_namespace"] == namespacePrivate {
		parts = append(parts, "its mounts are not seen outside its own mount namespace")
	}
	return strings.Join(parts, "; ") + "."
}

// Values of the fact "mount_namespace".
const (
	namespaceHost    = "host"
	namespacePrivate = "private"
)

// mountNamespace compares the first mount of process 1 with ours: mount ids are unique on a machine.
func mountNamespace() string {
	ours, err := overlayfs.ReadMounts()
	if err != nil || len(ours) == 0 {
		return "unknown"
	}
	f, err := os.Open("/proc/1/mountinfo")
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	theirs, err := overlayfs.ParseMounts(f)
	if err != nil || len(theirs) == 0 {
		return "unknown"
	}
	for _, m := range ours {
		if m.ID == theirs[0].ID {
			return namespaceHost
		}
	}
	return namespacePrivate
}

// probe fills in what trying finds out.
func (e *engine) probe(ctx context.Context, scratch scratchDir) error {
	can, err := overlayfs.Probe(ctx, scratch)
	if err != nil {
		return sdk.Wrap(err, sdk.CodePrecondition, fmt.Sprintf("The kernel mounts no overlay beneath %s.", e.root.Path)).
			WithHint("Give the mounter CAP_SYS_ADMIN, and keep the content directory on ext4, xfs or btrfs, not on an overlay.")
	}
	e.can = can
	if e.owners, err = probeOwners(ctx, e.root.Owners(), scratch, can); err != nil {
		return err
	}
	for rung, answer := range can.Works {
		e.facts[string(rung)] = answer
	}
	e.facts["mount_api"] = string(can.Rung)
	e.facts["marks"] = map[bool]string{true: "user.overlay", false: "trusted.overlay"}[can.UserXattr]
	e.facts["staging_owner"] = string(e.owners.how)
	e.facts["mount_namespace"] = mountNamespace()
	return nil
}
