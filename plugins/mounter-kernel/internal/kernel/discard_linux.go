package kernel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/disk"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/overlayfs"
	"github.com/left4me/left4me/sdk"
)

// Discard implements mounter.Stager. Whoever still has a file of the tree open keeps only that.
func (m *Mounter) Discard(ctx context.Context, build string) (bool, error) {
	e, err := m.engine()
	if err != nil {
		return false, err
	}
	if err := disk.CheckID("build", build); err != nil {
		return false, err
	}
	dir, err := lockSubject(ctx, e.root.Builds, build, false)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer dir.Close()
	return true, e.discard(ctx, buildSubject(dir, build))
}

func (e *engine) discard(ctx context.Context, s subject) error {
	if err := e.endMapped(s.dir); err != nil {
		return err
	}
	if err := s.drop(ctx); err != nil {
		return err
	}
	_, err := disk.Remove(e.root.Builds, s.id)
	return err
}

// drop unmounts, if need be by taking the mount out of sight: its upper is never used again.
func (s subject) drop(ctx context.Context) error {
	_, err := s.unmount(ctx)
	if sdk.CodeOf(err) != sdk.CodePrecondition {
		return err
	}
	info, found, atErr := overlayfs.At(s.dir, treeName)
	if atErr != nil || !found || !s.owns(info) {
		return errors.Join(err, atErr)
	}
	if err := overlayfs.Detach(s.dir, treeName); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("detach %s/%s: %w", s.dir.Name(), treeName, err)
	}
	return nil
}
